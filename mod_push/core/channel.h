#ifndef PUSH_CHANNEL_H
#define PUSH_CHANNEL_H

#include "core/class_span.h"
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
    uint32_t occupied;        /* 1: it was last said to be; its shard's lock */
    int64_t vacant_since;     /* mono ms, 0: it is not; likewise */
    _Atomic uint32_t links[]; /* one a reactor: its wake-up list */
} push_channel_t;

static inline push_text_t push_channel_name(const push_channel_t *channel)
{
    return (push_text_t){(const char *)channel + channel->name_at,
                         channel->name_len};
}

_Static_assert(offsetof(push_channel_t, classes) == sizeof(push_log_t),
               "push_class_at() looks behind the log");

/*
 * Publishes to the channel, which keeps at most limit live messages; the
 * oldest goes first, whatever its urgency.  With the lock of the channel's
 * shard.  On PUSH_NO_MEMORY nothing was changed.
 */
push_status_t push_channel_publish(push_heap_t *heap, push_channel_t *channel,
                                   push_publish_t *publish);

#endif
