#ifndef PUSH_DELIVERY_H
#define PUSH_DELIVERY_H

#include "store/ops/checkin.h"

/*
 * A delivery is what a reactor writes next to a stream.  It reads message
 * bytes straight from the segment: everything between push_delivery_begin()
 * and push_delivery_end() must lie between push_epoch_enter() and
 * push_epoch_leave().
 */

#define PUSH_DELIVERY_MAX   120u        /* messages at once */
#define PUSH_DELIVERY_BYTES (64u << 10) /* about so much at once */

/* What was written of a delivery, by urgency. */
typedef struct push_written_sums_t {
    uint32_t messages[PUSH_LANES];
    uint64_t bytes[PUSH_LANES];
    const push_message_t *oldest[PUSH_LANES];
} push_written_sums_t;

/* Adds so many of one urgency, this and those behind it, in order of seq. */
static inline void push_written_sums_add(push_written_sums_t *sums,
                                         const push_message_t *first,
                                         unsigned count, size_t bytes)
{
    push_urgency_t urgency = push_message_urgency(first);

    if (!sums->messages[urgency]) {
        sums->oldest[urgency] = first;
    }
    sums->messages[urgency] += count;
    sums->bytes[urgency] += bytes;
}

typedef struct push_delivery_t {
    /* Set by the caller; see push_batch_t. */
    uint64_t written; /* bytes of the stream so far */
    uint64_t arrived; /* of them, what the client's TCP has; 0: not known */
    bool hold_gaps;   /* without a message behind them they are not reported */

    /* Set by push_delivery_begin(). */
    uint64_t sent; /* the last seq that this or an earlier delivery has */
    push_gap_report_t gaps[PUSH_GAPS * PUSH_LANES]; /* to be reported first */
    unsigned gaps_count;
    push_pick_t picks[PUSH_DELIVERY_MAX];
    unsigned count;
    bool more;     /* than could be collected at once */
    bool full;     /* more has to arrive first */
    bool closed;   /* an explicit window is full */
    bool rerouted; /* the device follows other channels than before */
    char device[PUSH_DEVICE_MAX + 1]; /* made up by the server, or empty */
} push_delivery_t;

/* PUSH_STALE: the stream is over.  PUSH_BUSY: try again later. */
push_status_t push_delivery_begin(push_store_t *store,
                                  const push_stream_ref_t *stream_ref,
                                  const push_time_t *now,
                                  push_delivery_t *delivery);

/* Who copies a delivery; copy() returns false if there is no memory for it. */
typedef struct push_copier_t {
    bool (*copy)(void *data, const push_delivery_t *delivery,
                 push_written_sums_t *sums);
    void *data;
} push_copier_t;

/*
 * The same for a thread that is in no epoch: what was picked stays where it is
 * until copy() returns, which is called with the lock of the device's shard
 * and so waits for nothing.  What it copied counts as written; PUSH_NO_MEMORY:
 * it did not.
 */
push_status_t push_delivery_poll(push_store_t *store,
                                 const push_stream_ref_t *stream_ref,
                                 const push_time_t *now,
                                 push_delivery_t *delivery,
                                 const push_copier_t *copier);

/* The made-up device id of the stream, or empty.  As push_delivery_begin(). */
push_status_t push_delivery_device(push_store_t *store,
                                   const push_stream_ref_t *stream_ref,
                                   char *device);

/*
 * Only the messages up to seq were written: what is above is pending again.
 * If the last of them was written in part, push_hold_take() keeps it.  False:
 * the stream has to end.
 */
bool push_delivery_cut(push_store_t *store,
                       const push_stream_ref_t *stream_ref, uint64_t seq);

/* What was written to a stream just now, counted in a block of its writer. */
typedef struct push_written_t {
    push_counts_t *counts;
    push_exemplars_t *exemplars; /* of its seat; NULL: none are kept */
    push_time_t at;
    push_written_sums_t sums;
    uint64_t seq; /* of the last one */
} push_written_t;

void push_delivery_written(push_store_t *store,
                           const push_stream_ref_t *stream_ref,
                           const push_written_t *written);

/*
 * The socket of the stream takes no more since then (mono ms), which stands if
 * it is known to be full already; since 0: it has taken all there was.  False
 * if a lock is busy: try again.
 */
bool push_delivery_blocked(push_store_t *store,
                           const push_stream_ref_t *stream_ref, int64_t since);

/* The state of a stream: whether it may go on, or why not. */
typedef enum push_stream_state_t {
    PUSH_GOES_ON,
    PUSH_TAKEN_OVER, /* by a newer stream of its device */
    PUSH_BROKEN_OFF, /* by a death: its client is to come again */
    PUSH_DISMISSED,  /* by an administrator */
    PUSH_REVOKED     /* likewise, and its tokens with it */
} push_stream_state_t;

/* Needs no lock. */
push_stream_state_t push_delivery_state(push_store_t *store,
                                        const push_stream_ref_t *stream_ref);

/*
 * The stream has arrived at the reactor that its wake-ups go to: gives the
 * channels that it follows, at most max.  Returns how many; 0 also if it may
 * not go on; -1 if its mailbox is locked: it has not arrived yet, try again.
 */
int push_delivery_channels(push_store_t *store,
                           const push_stream_ref_t *stream_ref,
                           push_ref_t *channels, int max);

#endif
