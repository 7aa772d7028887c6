#ifndef PUSH_STORE_LATER_H
#define PUSH_STORE_LATER_H

#include "store/shard/store.h"

/*
 * The publications for later of a shard: that of their audience, so that one
 * lock guards both and what is published of them.  The nodes and their bodies
 * are the truth; table, queue and the sum of bytes are derived from them.
 */

/* An entry of the queue: a node, and its `next`. */
typedef struct push_later_turn_t {
    int64_t next;
    push_ref_t ref;
    uint32_t unused;
} push_later_turn_t;

/* When nothing is to be done; wall ms. */
#define PUSH_LATER_NEVER INT64_MAX

/* Bytes that the bodies of all shards take.  Needs no lock. */
uint64_t push_later_bytes(const push_store_t *store);

/* The first turn of all shards, or PUSH_LATER_NEVER.  Needs no lock. */
int64_t push_later_first(const push_store_t *store);

/* ---- with the lock of the shard ---- */

static inline push_later_body_t *push_later_body(const push_heap_t *heap,
                                                 const push_later_t *later)
{
    return push_at(heap, later->body);
}

/*
 * Keeps a publication under this id until publication->at; NULL: no memory,
 * and nothing was changed.
 */
push_later_t *push_later_keep(push_store_t *store, unsigned shard,
                              const push_publication_t *publication,
                              uint64_t id);

/* What such a one replaces, or NULL. */
push_later_t *push_later_topic(push_store_t *store, unsigned shard,
                               const push_publication_t *publication);

/* With this id, or NULL; a walk, where what it had may have had a Topic. */
push_later_t *push_later_find(push_store_t *store, unsigned shard,
                              uint64_t id);

/* The first that is due, or NULL. */
push_later_t *push_later_due(push_store_t *store, unsigned shard,
                             const push_time_t *now);

/* The publication that is kept; texts are borrowed. */
void push_later_kept(const push_store_t *store, unsigned shard,
                     const push_later_t *later,
                     push_publication_t *publication);

/* It is over; that is remembered until then (wall ms). */
void push_later_over(push_store_t *store, unsigned shard, push_later_t *later,
                     push_later_state_t state, int64_t until);

/* Looks at it then, and not before (wall ms). */
void push_later_move(push_store_t *store, unsigned shard, push_later_t *later,
                     int64_t next);

void push_later_forget(push_store_t *store, unsigned shard,
                       push_later_t *later);

/* ---- restore: with no lock, nobody else uses the segment ---- */

/* With its hash and, if it is kept, its body; false: no memory. */
bool push_later_remember(push_store_t *store, unsigned shard,
                         const push_later_t *later);

/* ---- repair: as the nodes are found ---- */

/* Whether so large a node is what it says, and its body too. */
bool push_later_shape(const push_store_t *store, unsigned shard,
                      const push_later_t *later, size_t body_size);

/* Empties the queue; turns of so many bytes are there, or 0. */
void push_later_clear(push_store_t *store, unsigned shard, size_t size);

/* Into an emptied queue; false: no memory. */
bool push_later_enqueue(push_store_t *store, unsigned shard,
                        push_later_t *later);

#endif
