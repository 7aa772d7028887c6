#ifndef PUSH_INVENTORY_H
#define PUSH_INVENTORY_H

#include "store/shard/store.h"

/*
 * All objects that a shard owns, found by their tags alone, without following
 * any reference: what the repair and the validator check every reference
 * against before they follow it.  With the lock of the shard.
 */

typedef struct push_item_t {
    push_ref_t ref;
    uint32_t size; /* bytes that it has at least */
    uint8_t kind;  /* push_kind_t */
    bool marked;   /* something refers to it */
} push_item_t;

typedef struct push_inventory_t {
    push_store_t *store;
    push_heap_t *heap; /* of the shard */
    unsigned shard;
    push_item_t *items; /* in order of ref */
    size_t count, room;
} push_inventory_t;

/* False if a lock was busy or there is no memory (of the process). */
bool push_inventory_take(push_inventory_t *inventory, push_store_t *store,
                         unsigned shard);

void push_inventory_cleanup(push_inventory_t *inventory);

/* The object of this kind that begins at ref and has size bytes, or NULL. */
push_item_t *push_inventory_find(const push_inventory_t *inventory,
                                 push_ref_t ref, push_kind_t kind,
                                 size_t size);

/* The same, and marks it; NULL too if it was marked before. */
push_item_t *push_inventory_mark(push_inventory_t *inventory, push_ref_t ref,
                                 push_kind_t kind, size_t size);

#endif
