#ifndef PUSH_RESTORE_TIMES_H
#define PUSH_RESTORE_TIMES_H

#include <stdatomic.h>

#include "store/shard/store.h"

/* Times of what was saved, in the clocks of a server that starts. */

/* The longest TTL that there is, ms. */
#define PUSH_TIME_LEFT_MAX 31536000000LL

/* mono ms; at most a year, whatever became of the wall clock meanwhile. */
static inline int64_t push_restore_until(const push_time_t *now, int64_t wall)
{
    int64_t left = wall - now->wall;

    return now->mono + (left < PUSH_TIME_LEFT_MAX ? left : PUSH_TIME_LEFT_MAX);
}

/* No mid is given twice. */
static inline void push_restore_clock(push_store_t *store, uint64_t mid)
{
    uint64_t moment = mid >> 12;

    if (atomic_load(&store->segment->clock) < moment) {
        atomic_store(&store->segment->clock, moment);
    }
}

#endif
