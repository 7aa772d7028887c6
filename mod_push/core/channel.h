#ifndef PUSH_CHANNEL_H
#define PUSH_CHANNEL_H

#include "core/class.h"
#include "core/user.h"

/*
 * A channel, or the one log of all broadcasts: published to once, read by any
 * number of devices through subscriptions of their own.
 */

typedef struct push_channel_t {
    push_log_t log;
    push_class_span_t classes[PUSH_LANES];
    _Atomic uint32_t subscribers; /* contexts that subscribe to it */
    _Atomic uint32_t connected;   /* of them, with an open stream */
    _Atomic uint32_t arriving;    /* check-ins under way that subscribe */
    uint32_t name_at;             /* where its name stands, behind links */
    uint32_t name_len;
    _Atomic uint32_t links[]; /* one a reactor: its wake-up list */
} push_channel_t;

static inline push_text_t push_channel_name(const push_channel_t *channel)
{
    return (push_text_t){(const char *)channel + channel->name_at,
                         channel->name_len};
}

/*
 * The class of what is at a position, if it is known without a look at the
 * message, else PUSH_CLASSES.  Needs no lock: who publishes says first since
 * when, and then what.
 */
static inline unsigned push_channel_class(const push_classes_t *classes,
                                          const push_channel_t *channel,
                                          unsigned lane, uint32_t at)
{
    const push_class_span_t *span = &channel->classes[lane];
    uint32_t class = atomic_load_explicit(&span->mark, memory_order_acquire)
                     ^ classes->mark;
    uint32_t since = atomic_load_explicit(&span->since, memory_order_relaxed);

    return class < PUSH_CLASSES && !push_before(at, since) ? class
                                                           : PUSH_CLASSES;
}

/*
 * Publishes to the channel, which keeps at most limit live messages; the
 * oldest goes first, whatever its urgency.  With the lock of the channel's
 * shard.  On PUSH_NO_MEMORY nothing was changed.
 */
push_status_t push_channel_publish(push_heap_t *heap, push_channel_t *channel,
                                   push_publish_t *publish);

#endif
