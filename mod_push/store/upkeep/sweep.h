#ifndef PUSH_SWEEP_H
#define PUSH_SWEEP_H

#include "store/shard/store.h"

/*
 * Ends what has expired and forgets what is over, one shard at a time:
 * messages, devices that stayed away, users and channels without any of
 * them, idempotency keys.
 */

/*
 * False, with nothing done, if the shard's lock is busy: the next sweep will
 * do.  With the sweep lock.
 */
bool push_store_sweep(push_store_t *store, unsigned shard,
                      const push_time_t *now);

/*
 * Sweeps all shards if it is time and no other process does; so every
 * reactor may ask as often as it likes.  It also sees to what the dead left:
 * their seats, their devices, counts that may be wrong.  True if it did.
 */
bool push_store_sweep_due(push_store_t *store, const push_time_t *now);

/*
 * In the parent: a process ended, so a sweep is due at once.  Takes no lock
 * and reads nothing in the segment, which the parent does not trust.
 */
void push_store_sweep_soon(void *base);

#endif
