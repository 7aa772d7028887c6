#ifndef PUSH_OWNED_H
#define PUSH_OWNED_H

#include "store/shard/store.h"

/*
 * That a device context is this node's: behind its object, in the segment of a
 * cluster alone.  Of the lock of the device's shard.
 */

typedef enum push_owned_state_t {
    PUSH_OWNED_NOT, /* left over: its stream ends, a sweep forgets it */
    PUSH_OWNED,
    PUSH_OWNED_YIELDING /* what it is was exported; nothing may change it */
} push_owned_state_t;

typedef struct push_owned_t {
    uint32_t fence;   /* that the last claim gave */
    uint32_t state;   /* push_owned_state_t */
    uint64_t session; /* the token that came with it, while ... */
    uint32_t gen;     /* ... its number is this; see push_owned_session() */
    uint32_t since;   /* mono ms, its low bits: when it became YIELDING */
    uint32_t unsure; /* the number of a stream that began as checkin->unsure */
    uint32_t unsure_since; /* mono ms, its low bits: when that was */
} push_owned_t;

_Static_assert(sizeof(push_device_t) % PUSH_REF_UNIT == 0,
               "it begins where the context ends");

/* ms for which a context stays that is ours no more, so its stream sees that. */
#define PUSH_DISOWN_MS 1000

/* NULL where the segment is none of a cluster. */
push_owned_t *push_owned(const push_store_t *store,
                         const push_device_t *device);

/* Bytes of a context. */
size_t push_owned_size(const push_store_t *store);

/* On one machine every context is ours. */
static inline bool push_is_owned(const push_store_t *store,
                                 const push_device_t *device)
{
    const push_owned_t *owned = push_owned(store, device);

    return !owned || owned->state == PUSH_OWNED;
}

/* It stands here for some moments yet, and is another node's, or nobody's. */
static inline bool push_is_left_over(const push_store_t *store,
                                     const push_device_t *device)
{
    const push_owned_t *owned = push_owned(store, device);

    return owned && owned->state == PUSH_OWNED_NOT;
}

/*
 * The token of the seqs that the device's newest stream gave: of a stream of
 * this node, or of the one before the context came here.
 */
uint64_t push_owned_session(const push_store_t *store,
                            const push_device_t *device);

#endif
