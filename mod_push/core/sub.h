#ifndef PUSH_SUB_H
#define PUSH_SUB_H

#include "core/log.h"

/*
 * A subscription of a device: its place in a log.  It belongs to the lock of
 * the device's shard.
 */

/* A place in a log: what a device has still to be sent of it. */
typedef struct push_sub_t {
    uint64_t joined; /* older mids are not meant for it */
    push_ref_t log;
    uint32_t cursor[PUSH_LANES]; /* the next to look at */
    uint32_t told[PUSH_LANES];   /* gaps before these are counted */
} push_sub_t;

/* A device's first two subscriptions; channels follow. */
#define PUSH_SUB_USER      0u
#define PUSH_SUB_BROADCAST 1u
#define PUSH_SUB_CHANNELS  2u
#define PUSH_CHANNELS_MAX  64u /* channels of one device */

static inline push_log_t *push_sub_log(const push_heap_t *heap,
                                       const push_sub_t *sub)
{
    return push_at(heap, sub->log);
}

/* A place at the log's end, or (joined is 0) at its oldest message. */
void push_sub_init(const push_heap_t *heap, push_sub_t *sub, push_ref_t log,
                   uint64_t joined);

#endif
