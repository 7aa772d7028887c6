#ifndef PUSH_FORGET_H
#define PUSH_FORGET_H

#include "store/shard/store.h"

/*
 * What a full memory does without: contexts of devices that are away, and
 * channels that nobody follows.  A device that comes back is told of the loss,
 * from what its shard notes of all that it forgot: rather one too many than
 * one too few.
 *
 * All functions run with the lock of the shard.
 */

/* The devices of a shard, or of several, that are away. */
typedef struct push_away_t {
    uint64_t bytes; /* about what their contexts and channels take */
    int64_t oldest; /* mono ms; when the first of them left */
} push_away_t;

/* Adds those of the shard. */
void push_forget_count_away(push_store_t *store, unsigned shard,
                            push_away_t *away);

/* Drops the contexts that left before; returns how many. */
uint32_t push_forget_away(push_store_t *store, unsigned shard, int64_t before,
                          const push_time_t *now);

/* Drops the channels without subscribers and messages. */
void push_forget_channels(push_store_t *store, unsigned shard);

/* True if a device that is new here may have been forgotten. */
bool push_forget_may_know(const push_store_t *store, unsigned shard,
                          const push_time_t *now);

#endif
