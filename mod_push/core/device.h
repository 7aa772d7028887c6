#ifndef PUSH_DEVICE_H
#define PUSH_DEVICE_H

#include "core/log.h"
#include "core/window.h"

/*
 * A device context: what is known of one installation of an application for
 * one user, its mailbox and its session.  All of it belongs to the lock of the
 * user's shard, but for the wake-up link.
 */

/* A place in a log: what a device has still to be sent of it. */
typedef struct push_sub_t {
    uint64_t joined; /* older mids are not meant for it */
    push_ref_t log;
    uint32_t cursor[PUSH_LANES]; /* the next to look at */
    uint32_t told[PUSH_LANES];   /* gaps before these are counted */
} push_sub_t;

/* The first two of a device's subscriptions; channels follow. */
#define PUSH_SUB_USER      0u
#define PUSH_SUB_BROADCAST 1u
#define PUSH_SUB_CHANNELS  2u
#define PUSH_CHANNELS_MAX  64u /* channels of one device */

typedef enum push_label_t {
    PUSH_LABEL_DEVICE,
    PUSH_LABEL_APP,
    PUSH_LABEL_ADDRESS,
    PUSH_LABEL_APP_VERSION,
    PUSH_LABEL_OS,
    PUSH_LABEL_OS_VERSION,
    PUSH_LABEL_LOCALE,
    PUSH_LABEL_USER_AGENT,
    PUSH_LABELS
} push_label_t;

#define PUSH_APP_MAX    64  /* bytes; with the device id it is the identity */
#define PUSH_LABELS_MAX 192 /* bytes of all labels; the last ones are cut */

/* Messages dropped that the device had not acknowledged. */
typedef struct push_losses_t {
    uint32_t count[PUSH_GAPS][PUSH_LANES];
} push_losses_t;

#define PUSH_DEVICE_ONLINE   1u
#define PUSH_DEVICE_EXPLICIT 2u /* only acknowledgements move the window */
#define PUSH_DEVICE_MADE_UP  4u /* its id was made up by the server */
/* Its open stream is to end: an administrator said so. */
#define PUSH_DEVICE_DISMISSED 8u
#define PUSH_DEVICE_REVOKED   16u /* and its tokens are of no use any more */
/* The state on disk lags behind: what it is, or only how far it has read. */
#define PUSH_DEVICE_CHANGED    32u
#define PUSH_DEVICE_ADVANCED   64u
#define PUSH_DEVICE_STATE_LOST 128u /* its losses came of a restart */

typedef struct push_device_t {
    uint32_t next; /* in the table of contexts */
    uint32_t hash;
    unsigned char id[PUSH_CONTEXT_BYTES];
    push_ref_t user;
    push_ref_t sibling; /* the user's next device */
    push_ref_t labels;
    push_ref_t subs;
    uint8_t subs_count;
    uint8_t shard;  /* never changes */
    uint8_t traits; /* PUSH_DEVICE_* */
    uint8_t lowest; /* urgency; what is below stays in the mailbox */
    uint32_t gen;   /* of its streams: the newest stream's number */
    uint32_t child; /* slot and incarnation of the process that holds it */
    _Atomic uint32_t wake; /* link of the wake-up list; 0 outside of it */
    uint32_t max_in_flight;
    uint32_t address;     /* of its stream; see push_guard_address() */
    push_window_t window; /* seq acked + 1 … sent */
    uint64_t acked;
    uint64_t sent;
    uint64_t stale;       /* a plain cursor of another session, or 0 */
    uint64_t since;       /* mids above were published to the open stream */
    int64_t first_seen;   /* wall ms */
    int64_t last_seen;    /* wall ms */
    int64_t last_ack;     /* wall ms, 0 for never */
    int64_t left;         /* mono ms; when the stream ended */
    uint64_t gap_seq;     /* the first seq behind the gaps told */
    push_losses_t losses; /* to be told */
    push_losses_t gaps;   /* told, not known to have arrived */
} push_device_t;

_Static_assert(sizeof(push_device_t) + 2 * sizeof(push_sub_t) + PUSH_LABELS
                       + PUSH_LABELS_MAX
                   <= 512,
               "a device context costs at most 512 bytes");

/* The most that a device context costs, bytes; without its channels. */
static inline size_t push_device_overhead(void)
{
    return sizeof(push_device_t) + 2 * sizeof(push_sub_t) + PUSH_LABELS
           + PUSH_LABELS_MAX;
}

static inline push_sub_t *push_device_subs(const push_heap_t *heap,
                                           const push_device_t *device)
{
    return push_at(heap, device->subs);
}

static inline push_log_t *push_sub_log(const push_heap_t *heap,
                                       const push_sub_t *sub)
{
    return push_at(heap, sub->log);
}

/* A place at the log's end, or (joined is 0) at its oldest message. */
void push_sub_init(const push_heap_t *heap, push_sub_t *sub, push_ref_t log,
                   uint64_t joined);

push_text_t push_device_label(const push_heap_t *heap,
                              const push_device_t *device, push_label_t label);

/* Replaces all labels; the last are cut to PUSH_LABELS_MAX bytes in all. */
push_status_t push_device_set_labels(push_heap_t *heap, push_device_t *device,
                                     const push_text_t *labels);

/* True if a message in the user's log is meant for this device. */
bool push_device_wants(const push_heap_t *heap, const push_device_t *device,
                       const push_message_t *message);

/* True if the message was only for streams that were open at its publish. */
bool push_device_missed(const push_device_t *device,
                        const push_message_t *message);

/* Gives back what hangs on the device, not the device itself. */
void push_device_cleanup(push_heap_t *heap, push_device_t *device);

#endif
