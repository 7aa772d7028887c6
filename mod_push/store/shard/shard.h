#ifndef PUSH_SHARD_H
#define PUSH_SHARD_H

#include "store/shard/store.h"

/* The lock of a shard. */

/*
 * Locks a shard, and repairs it if a process died with it.  False if its lock
 * cannot be had in good time: then the caller answers that it is busy.
 */
bool push_shard_enter(push_store_t *store, unsigned shard);
void push_shard_leave(push_store_t *store, unsigned shard);

/* The same; commit (NULL: nobody's) is for what was noted in between. */
void push_shard_leave_for(push_store_t *store, unsigned shard,
                          push_commit_t *commit);

#endif
