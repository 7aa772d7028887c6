#ifndef PUSH_HOLD_H
#define PUSH_HOLD_H

#include "store/shard/held.h"

/*
 * Holds.  A message of which a stream has written a part must stay where it
 * is for as long as the socket is full, whatever becomes of it meanwhile.
 * The hold stands in a list of the message's shard and says whose it is: so
 * it can be given back when its holder has died, and a repair of the shard
 * knows what a living reactor still writes from.
 */

/*
 * A hold of the message for the stream gen of the reactor with this tag;
 * PUSH_NONE if there is no memory, a lock is busy, or the message went.
 * Between push_epoch_enter() and push_epoch_leave(), outside of shards.
 */
push_ref_t push_hold_take(push_store_t *store, push_ref_t message,
                          uint32_t gen, uint32_t tag);

/*
 * The holder needs the hold no more.  Takes no lock; the message goes later.
 */
static inline void push_hold_release(push_store_t *store, push_ref_t hold)
{
    atomic_store(&push_hold_at(store, hold)->holder, 0);
}

/* Another reactor is its holder now; called by the one that was. */
static inline void push_hold_pass(push_store_t *store, push_ref_t hold,
                                  uint32_t tag)
{
    atomic_store(&push_hold_at(store, hold)->holder, tag);
}

/*
 * The same, by one that got it from a process that may have died since.
 * False if it is gone, or its shard is busy.
 */
bool push_hold_adopt(push_store_t *store, push_ref_t hold, uint32_t gen,
                     uint32_t tag);

/* With the lock of the shard: ends what is given back or of dead holders. */
void push_hold_collect(push_store_t *store, unsigned shard);

#endif
