#ifndef PUSH_SUBSCRIPTION_H
#define PUSH_SUBSCRIPTION_H

#include "core/log.h"

/*
 * A subscription of a device: how far it has come in a log.  It belongs to the
 * lock of the device's shard.
 */

/* One log that a device follows, and what it has still to be sent of it. */
typedef struct push_subscription_t {
    uint64_t joined; /* older mids are not meant for it; PUSH_LEFT */
    push_ref_t log;
    uint32_t since; /* wall s, 0: not known; see push_device_trace() */
    uint32_t cursor[PUSH_LANES];   /* the next position to read */
    uint32_t reported[PUSH_LANES]; /* losses before these are counted */
} push_subscription_t;

/* A device's first two subscriptions; channels follow. */
#define PUSH_SUBSCRIPTION_USER      0u
#define PUSH_SUBSCRIPTION_BROADCAST 1u
#define PUSH_SUBSCRIPTION_CHANNELS  2u
#define PUSH_CHANNELS_OWN           64u /* that a device asks for */
#define PUSH_CHANNELS_MAX           (2 * PUSH_CHANNELS_OWN) /* of one device */

/* joined: the device follows it no more; what was sent is in flight still. */
#define PUSH_LEFT UINT64_MAX

static inline push_log_t *push_subscription_log(
    const push_heap_t *heap, const push_subscription_t *subscription)
{
    return push_at(heap, subscription->log);
}

/* Begins at the log's end, or (joined is 0) at its oldest message. */
void push_subscription_init(const push_heap_t *heap,
                            push_subscription_t *subscription, push_ref_t log,
                            uint64_t joined);

#endif
