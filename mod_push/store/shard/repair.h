#ifndef PUSH_REPAIR_H
#define PUSH_REPAIR_H

#include "store/shard/store.h"

/*
 * After an owner of a shard's lock died, anything that it guards may be half
 * changed.  The repair trusts the slab's tags and the kinds of nodes, checks
 * whatever it follows, and derives all else anew: tables, lists, counts.  It
 * ends what was half made, resets the session that was being changed, and
 * gives back what nothing refers to.  It may be broken off anywhere, by a
 * busy lock or a death of its own, and is then run again from its beginning.
 */

/* With the lock of the shard.  False if it could not be finished now. */
bool push_repair_shard(push_store_t *store, unsigned shard);

#endif
