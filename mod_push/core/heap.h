#ifndef PUSH_HEAP_H
#define PUSH_HEAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/counts.h"
#include "core/failpoint.h"

/*
 * Memory as the core sees it: one contiguous piece, addressed by references
 * instead of pointers, so that the same objects are valid in every process
 * that maps it.  The store puts it into shared memory, the unit tests into
 * plain memory.
 */

/* An object's offset from the base, in units of PUSH_REF_UNIT bytes. */
typedef uint32_t push_ref_t;

#define PUSH_REF_UNIT 8
#define PUSH_NONE     0u

/*
 * The kind of an object, known to the heap from its allocation on, so that the
 * objects of a part of the memory can be found without any list.
 */
typedef enum push_kind_t {
    PUSH_PART = 1, /* hangs on another object */
    PUSH_NODE,     /* begins with a push_node_t; its kind is 0 at first */
    PUSH_MESSAGE
} push_kind_t;

/* The kind of a node; the log kinds (core/log.h) are the same numbers. */
typedef enum push_node_kind_t {
    PUSH_NODE_NONE, /* not complete yet, or on its way out */
    PUSH_NODE_USER,
    PUSH_NODE_CHANNEL,
    PUSH_NODE_BROADCAST,
    PUSH_NODE_DEVICE,
    PUSH_NODE_KEY,
    PUSH_NODE_LATER,
    PUSH_NODE_ASSIGNED,
    PUSH_NODE_KINDS
} push_node_kind_t;

/*
 * How every object begins that stands in a table.  A node exists while its
 * kind says so: it is born by that one store when all else is right, and dies
 * by storing PUSH_NODE_NONE before anything of it is taken apart.
 */
typedef struct push_node_t {
    uint32_t next; /* in its table */
    uint32_t hash;
    _Atomic uint32_t kind;
} push_node_t;

static inline void push_node_be(void *node, push_node_kind_t kind)
{
    atomic_store(&((push_node_t *)node)->kind, (uint32_t)kind);
}

static inline push_node_kind_t push_node_kind(const void *node)
{
    return (push_node_kind_t)atomic_load_explicit(
        &((const push_node_t *)node)->kind, memory_order_relaxed);
}

typedef struct push_heap_t push_heap_t;

struct push_heap_t {
    unsigned char *base;
    push_counts_t *counts;              /* who has the lock counts there */
    const struct push_events_t *events; /* NULL: nobody listens */
    struct push_gone_ring_t *gone;      /* NULL: nobody asks */
    struct push_tally_t *tally; /* as counts; NULL: no names are given */
    const struct push_classes_t *classes; /* by which it is told apart */
    const struct push_places_t *places;   /* NULL: nobody is anywhere */

    /*
     * size bytes, of which a node's first are cleared; PUSH_NONE when there
     * is no memory.
     */
    push_ref_t (*alloc)(push_heap_t *heap, size_t size, push_kind_t kind);

    /* Give back an object that nobody else can be looking at. */
    void (*release)(push_heap_t *heap, push_ref_t ref);

    /*
     * Give back an object that readers without a lock may still be looking
     * at: its bytes stay until they have all moved on.  The first uint32_t of
     * such an object belongs to the heap from here on.
     */
    void (*retire)(push_heap_t *heap, push_ref_t ref);

    uint32_t *traces; /* devices that are traced; NULL: none may be */
    uint32_t traces_max;
    void *memory;   /* the implementation's own */
    unsigned owner; /* which part of the memory's users this view is for */
};

static inline void *push_at(const push_heap_t *heap, push_ref_t ref)
{
    return heap->base + (size_t)ref * PUSH_REF_UNIT;
}

static inline push_ref_t push_ref_of(const push_heap_t *heap, const void *p)
{
    return (push_ref_t)(((const unsigned char *)p - heap->base)
                        / PUSH_REF_UNIT);
}

/* So many messages of this urgency ended so (PUSH_BY_OUTCOME_*). */
static inline void push_count_settled(const push_heap_t *heap,
                                      unsigned outcome, unsigned urgency,
                                      uint64_t messages)
{
    push_count(heap->counts,
               push_cell(PUSH_COUNT_SETTLED, outcome, urgency,
                         PUSH_BY_URGENCY_VALUES),
               messages);
}

#endif
