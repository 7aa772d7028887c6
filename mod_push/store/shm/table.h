#ifndef PUSH_TABLE_H
#define PUSH_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/heap.h"

/*
 * A hash table of nodes.  It grows with what it holds; where memory is short
 * its chains grow instead.  All functions but one run with the lock of the
 * table's shard.  A table is derived from the nodes that exist: after a death
 * it is cleared and filled again.
 */

typedef struct push_table_t {
    push_ref_t buckets;
    uint32_t mask;
    _Atomic uint32_t count; /* who has the lock changes it; any thread reads */
} push_table_t;

/* True if the object is the one that is looked for. */
typedef bool push_table_match_t(const push_heap_t *heap, const void *object,
                                const void *key);

bool push_table_create(push_heap_t *heap, push_table_t *table);

/* The object with this hash that matches, or PUSH_NONE. */
push_ref_t push_table_find(const push_heap_t *heap, const push_table_t *table,
                           uint32_t hash, push_table_match_t *match,
                           const void *key);

/* Adds an object whose hash is set. */
void push_table_add(push_heap_t *heap, push_table_t *table, push_ref_t ref);

/* The same, without growth: nothing is allocated. */
void push_table_link(const push_heap_t *heap, push_table_t *table,
                     push_ref_t ref);

/* Empties it without a look at what is in it. */
void push_table_clear(const push_heap_t *heap, push_table_t *table);

void push_table_remove(push_heap_t *heap, push_table_t *table, push_ref_t ref);

/* How many it has.  Needs no lock: then it is as of a moment ago. */
static inline uint32_t push_table_count(const push_table_t *table)
{
    return atomic_load_explicit(&table->count, memory_order_relaxed);
}

/*
 * Walks the table: the object after ref, or the first one for PUSH_NONE;
 * PUSH_NONE behind the last.  To remove objects on the way, step first.
 */
push_ref_t push_table_next(const push_heap_t *heap, const push_table_t *table,
                           push_ref_t ref);

/* The same as a loop's condition: moves *ref on, from PUSH_NONE at first. */
static inline bool push_table_walk(const push_heap_t *heap,
                                   const push_table_t *table, push_ref_t *ref)
{
    *ref = push_table_next(heap, table, *ref);
    return *ref != PUSH_NONE;
}

/* The first object of a bucket, from 0 to mask; its node.next is the next. */
push_ref_t push_table_bucket(const push_heap_t *heap,
                             const push_table_t *table, uint32_t bucket);

#endif
