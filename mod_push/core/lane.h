#ifndef PUSH_LANE_H
#define PUSH_LANE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/heap.h"

/*
 * A lane of a log (core/log.h): the messages of one urgency in publish order,
 * as a ring of slots.  Positions count the messages of a lane and wrap at
 * 2^32; compare them with push_before().
 */

typedef struct push_lane_t {
    _Atomic uint32_t head;    /* behind the newest */
    _Atomic uint32_t tail;    /* the oldest that has a slot */
    _Atomic push_ref_t ring;  /* slots; PUSH_NONE while it never had one */
    _Atomic uint32_t evicted; /* behind the last dropped without a slot */
    uint32_t first_live;      /* no position before it is live */
} push_lane_t;

/* The slots of a lane; their number is a power of two. */
typedef struct push_ring_t {
    uint32_t retired; /* the heap's link, once retired */
    uint32_t mask;    /* slots - 1 */
    _Atomic uint32_t slots[];
} push_ring_t;

/* A slot without a message says why: it was forgotten, or evicted. */
#define PUSH_HOLE_GONE    0u
#define PUSH_HOLE_EVICTED 1u /* no object stands there */

static inline bool push_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline uint32_t push_lane_head(const push_lane_t *lane)
{
    return atomic_load_explicit(&lane->head, memory_order_acquire);
}

static inline uint32_t push_lane_tail(const push_lane_t *lane)
{
    return atomic_load_explicit(&lane->tail, memory_order_acquire);
}

#endif
