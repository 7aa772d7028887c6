#ifndef PUSH_MAILBOX_H
#define PUSH_MAILBOX_H

#include "core/session.h"

/*
 * The mailbox of a device: all that its subscriptions still hold for it, the
 * most urgent first and within one urgency in publish order, whatever the
 * audience.  All functions run with the lock of the user's shard.
 */

/* A message that may be sent now, as seq. */
typedef struct push_pick_t {
    const push_message_t *message; /* valid until the reader moves on */
    push_ref_t ref;
    uint64_t seq;
} push_pick_t;

/* Messages that are to be sent at once. */
typedef struct push_batch_t {
    push_pick_t *picks; /* room for max */
    uint32_t max;
    size_t bytes;     /* about so many at most, but at least one message */
    uint64_t written; /* bytes of the stream: all that is in flight */
    uint64_t arrived; /* of them, what the client's TCP has; 0: not known */
    uint32_t count;
    bool more; /* it was full before the mailbox was empty */
    bool full; /* an implicit window was: as soon as more has arrived … */
} push_batch_t;

/*
 * Moves what may be sent now into flight.  What could not be written goes
 * back by push_session_return().
 *
 * An implicit window holds twice as many.  When it is full, the oldest counts
 * as acknowledged, but never one of which the client's TCP has not
 * acknowledged all bytes: then the batch is full, and its caller has to come
 * again with what has arrived meanwhile.
 */
void push_mailbox_collect(push_heap_t *heap, push_device_t *device,
                          const push_time_t *now, push_batch_t *batch);

/* Pending messages of the subscriptions from … to - 1. */
uint32_t push_mailbox_pending(const push_heap_t *heap,
                              const push_device_t *device,
                              const push_time_t *now, unsigned from,
                              unsigned to);

/* Those of all subscriptions that its stream does not take: see lowest. */
uint32_t push_mailbox_filtered(const push_heap_t *heap,
                               const push_device_t *device,
                               const push_time_t *now);

/* True if fewer than limit messages of the user are pending. */
bool push_mailbox_below(const push_heap_t *heap, const push_device_t *device,
                        uint32_t limit, const push_time_t *now);

/*
 * Sees to it that fewer than limit messages of the user are pending before
 * one of this urgency is added: the oldest of the lowest urgency that is not
 * above it makes room.  PUSH_MAILBOX_FULL if all that waits is more urgent,
 * PUSH_NO_MEMORY if its end cannot be noted; nothing was changed then.
 */
push_status_t push_mailbox_make_room(push_heap_t *heap, push_device_t *device,
                                     push_urgency_t urgency, uint32_t limit,
                                     const push_time_t *now);

/* True, with the first of them, if there are gaps to be told. */
bool push_mailbox_gap(const push_device_t *device, push_gap_t *reason,
                      push_urgency_t *urgency, uint32_t *dropped);

/* The gap was written before the next message. */
void push_mailbox_gap_reported(push_device_t *device, push_gap_t reason,
                               push_urgency_t urgency);

/* True if so much is pending of what may be (limit) that it is soon full. */
bool push_mailbox_crowded(const push_heap_t *heap, const push_device_t *device,
                          uint32_t limit, const push_time_t *now);

#endif
