#ifndef PUSH_FORGET_H
#define PUSH_FORGET_H

#include "store/shard/copy.h"

/*
 * A full memory does without contexts of devices that are away, and without
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

/* Remnants take at most this part of the memory, as long as others want it. */
#define PUSH_REMNANTS_PART 16u

/*
 * Users without a device and a message, of whom nothing is left but what was
 * lost; about 5 years of ages, in ticks (core/user.h), each class of them an
 * eighth longer than the one before.
 */
#define PUSH_AGE_CLASSES 240u

typedef struct push_remnants_t {
    uint64_t bytes;
    uint64_t by_age[PUSH_AGE_CLASSES]; /* bytes */
    const push_time_t *now;
    unsigned edge;   /* all of older classes go, */
    uint64_t excess; /* and of this one so many bytes */
} push_remnants_t;

/* To be counted anew, as of now, which is borrowed. */
void push_forget_begin(push_remnants_t *remnants, const push_time_t *now);

/* Not one whose log this node follows: that goes by push_follow_left(). */
static inline bool push_forget_is_remnant(const push_store_t *store,
                                          const push_user_t *user)
{
    return !user->devices && push_log_empty(&user->log)
           && !push_copy_followed(store, &user->log);
}

/* Counts one, and makes it small; it goes if there is nothing to be told. */
void push_forget_count_remnant(push_store_t *store, unsigned shard,
                               push_user_t *user, push_remnants_t *remnants);

/*
 * Chooses the oldest of those that were counted, so that no more than so many
 * bytes stay; false: all may stay.  What was chosen goes by
 * push_forget_remnants(), shard by shard, and its loss is told as
 * push_store_drop_user() says.
 */
bool push_forget_choose(push_remnants_t *remnants, uint64_t bytes);
void push_forget_remnants(push_store_t *store, unsigned shard,
                          push_remnants_t *remnants);

/* Drops the channels without subscribers and messages. */
void push_forget_channels(push_store_t *store, unsigned shard);

/* True if a device that is new here may have been forgotten. */
bool push_forget_may_know(const push_store_t *store, unsigned shard,
                          const push_time_t *now);

#endif
