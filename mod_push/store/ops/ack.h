#ifndef PUSH_ACK_H
#define PUSH_ACK_H

#include "core/checkin.h"
#include "core/user.h"
#include "store/shard/store.h"

/* Acknowledgements, and whose they are. */

/*
 * PUSH_STALE (also if the cursor says another session than that of the newest
 * stream), PUSH_NOT_FOUND (no such context), PUSH_BUSY.
 */
push_status_t push_store_ack(push_store_t *store, push_text_t user,
                             const unsigned char *id,
                             const push_cursor_t *cursor,
                             const push_time_t *now);

/* Messages of a queue. */
typedef struct push_in_flight_t {
    unsigned count;
    uint64_t mids[PUSH_QUEUE_WINDOW];
    uint8_t lanes[PUSH_QUEUE_WINDOW];
} push_in_flight_t;

/* Those in flight to the context of a queue, up to seq; none if the lock of
   its shard is busy. */
void push_store_in_flight(push_store_t *store, push_text_t user,
                          const unsigned char *id, uint64_t seq,
                          push_in_flight_t *found);

/* PUSH_NOT_FOUND (the user has no such context), PUSH_BUSY. */
push_status_t push_store_knows(push_store_t *store, push_text_t user,
                               const unsigned char *id);

/*
 * The same by the device's open stream, on which it says so itself.  PUSH_STALE
 * (nothing of it was sent there), PUSH_NOT_FOUND (the stream is over),
 * PUSH_BUSY.
 */
push_status_t push_store_ack_stream(push_store_t *store,
                                    const push_stream_ref_t *stream_ref,
                                    const push_cursor_t *cursor,
                                    const push_time_t *now);

/*
 * The device id of the user's context that has a made-up one and this app;
 * device has PUSH_DEVICE_MAX + 1 bytes.  False unless there is exactly one.
 */
bool push_store_only_made_up(push_store_t *store, push_text_t user,
                             push_text_t app, char *device);

#endif
