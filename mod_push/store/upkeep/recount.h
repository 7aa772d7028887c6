#ifndef PUSH_RECOUNT_H
#define PUSH_RECOUNT_H

#include "store/shard/store.h"

/*
 * How many devices follow a channel, and how many streams an address has, is
 * counted in steps by whoever changes it, so a death leaves a count too high,
 * never too low.  The recount takes all shards at once, in ascending order,
 * and counts anew.
 */

/* Counts if some count may be wrong.  With the sweep lock. */
void push_recount(push_store_t *store);

/* Some count may be wrong. */
static inline void push_recount_wanted(push_store_t *store)
{
    atomic_fetch_or(&store->segment->recount, PUSH_RECOUNT_ALL);
}

#endif
