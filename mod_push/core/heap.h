#ifndef PUSH_HEAP_H
#define PUSH_HEAP_H

#include <stddef.h>
#include <stdint.h>

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

/* What happened, counted since the memory was made; see docs/internals.md. */
typedef struct push_counts_t {
    _Atomic uint64_t published;
    _Atomic uint64_t delivered;
    _Atomic uint64_t acked;
    _Atomic uint64_t expired;
    _Atomic uint64_t replaced;
    _Atomic uint64_t recalled;
    _Atomic uint64_t evicted;
    _Atomic uint64_t refused;
} push_counts_t;

typedef struct push_heap_t push_heap_t;

struct push_heap_t {
    unsigned char *base;
    push_counts_t *counts;

    /* size bytes, not cleared; PUSH_NONE when there is no memory. */
    push_ref_t (*alloc)(push_heap_t *heap, size_t size);

    /* Give back an object that nobody else can be looking at. */
    void (*release)(push_heap_t *heap, push_ref_t ref);

    /*
     * Give back an object that readers without a lock may still be looking
     * at: its bytes stay until they have all moved on.  The first uint32_t of
     * such an object belongs to the heap from here on.
     */
    void (*retire)(push_heap_t *heap, push_ref_t ref);

    /*
     * A live message (push_message_t) is about to end as fate (push_fate_t)
     * or to leave its log; it is whole still.  NULL: nobody wants to know.
     * Runs with the lock of the message's shard.
     */
    void (*ended)(push_heap_t *heap, const void *message, int fate);

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

#endif
