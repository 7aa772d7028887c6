#ifndef PUSH_WALK_H
#define PUSH_WALK_H

#include <stddef.h>

#include "store/shard/store.h"

/*
 * A walk through a table of every shard that lets others in: the lock is held
 * for a few hundred objects at a time.  What comes and goes meanwhile may be
 * missed, or seen twice.
 */
typedef void push_walk_visit_t(void *data, const push_heap_t *heap,
                               const void *node);

/* table is where the table is in a push_shard_t.  A stuck shard is left out. */
void push_walk(push_store_t *store, size_t table, push_walk_visit_t *visit,
               void *data);

#endif
