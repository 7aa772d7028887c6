#ifndef PUSH_HELD_H
#define PUSH_HELD_H

#include "store/shard/store.h"

/* Of a message that a stream has written in part; see store/shard/hold.h. */
typedef struct push_hold_t {
    push_ref_t next;
    push_ref_t message;
    uint32_t gen;            /* number of the stream */
    _Atomic uint32_t holder; /* seat and incarnation; 0: given back */
} push_hold_t;

_Static_assert(sizeof(push_hold_t) == 16, "a hold is 16 bytes");

static inline push_hold_t *push_hold_at(push_store_t *store, push_ref_t hold)
{
    return push_at(&store->heaps[0], hold);
}

#endif
