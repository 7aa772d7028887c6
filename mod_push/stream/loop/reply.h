#ifndef PUSH_REPLY_H
#define PUSH_REPLY_H

#include "codec/codec.h"
#include "store/ops/delivery.h"

/*
 * The answer to a poll: one delivery, whole, in memory of its own.  A stream
 * decides what is next whenever its socket takes more; a poll has one answer,
 * and what its client did not get the next one brings again.
 */

/* A message as it goes to one stream; its channel, if it is asked for. */
push_letter_t push_letter_for(const push_store_t *store,
                              const push_message_t *message,
                              const char *device, unsigned meta);

typedef struct push_reply_t {
    const push_store_t *store;
    const push_codec_t *codec;
    unsigned meta; /* PUSH_META_* */
    char *bytes;   /* of malloc(); the caller frees them */
    size_t len;
    size_t room;
    bool failed;               /* there was no memory */
    push_written_sums_t *sums; /* of what is written */
} push_reply_t;

/* Adds the delivery, by way of out; its messages must stay until then. */
void push_reply_write(push_reply_t *reply, push_output_t *out,
                      const push_delivery_t *delivery);

/* A poll that is answered by the thread that has its request. */
typedef struct push_poll_t {
    push_stream_ref_t stream_ref;
    const push_codec_t *codec;
    unsigned meta;
    bool waits; /* it can wait: gaps alone are no answer */

    unsigned messages; /* that it found */
    unsigned gaps;
    uint64_t sent; /* seq of the last message; see push_delivery_t */
    char *bytes;   /* of malloc(), the caller frees them; NULL: nothing */
    size_t len;
} push_poll_t;

/* PUSH_STALE, PUSH_BUSY, PUSH_NO_MEMORY.  Any thread. */
push_status_t push_poll_answer(push_store_t *store, push_poll_t *poll,
                               const push_time_t *now);

#endif
