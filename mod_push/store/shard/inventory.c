#include "store/shard/inventory.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 1024u

static bool note(void *data, const push_object_t *object)
{
    push_inventory_t *inventory = data;

    if (object->tag == PUSH_TAG_RETIRED
        || PUSH_TAG_SHARD(object->tag) != inventory->shard) {
        return true;
    }
    if (inventory->count == inventory->room) {
        size_t room = inventory->room ? inventory->room * 2 : ROOM_MIN;
        push_item_t *items = realloc(inventory->items, room * sizeof(*items));

        if (!items) {
            return false;
        }
        inventory->items = items;
        inventory->room = room;
    }
    inventory->items[inventory->count++] = (push_item_t){
        .ref = object->ref,
        .size = object->size,
        .kind = (uint8_t)PUSH_TAG_KIND(object->tag)};
    return true;
}

static int by_ref(const void *a, const void *b)
{
    push_ref_t left = ((const push_item_t *)a)->ref;
    push_ref_t right = ((const push_item_t *)b)->ref;

    return (left > right) - (left < right);
}

bool push_inventory_take(push_inventory_t *inventory, push_store_t *store,
                         unsigned shard)
{
    memset(inventory, 0, sizeof(*inventory));
    inventory->store = store;
    inventory->heap = &store->heaps[shard];
    inventory->shard = shard;
    if (!push_slab_each(&store->slab, note, inventory)) {
        push_inventory_cleanup(inventory);
        return false;
    }
    if (inventory->count) {
        qsort(inventory->items, inventory->count, sizeof(push_item_t), by_ref);
    }
    return true;
}

void push_inventory_cleanup(push_inventory_t *inventory)
{
    free(inventory->items);
    inventory->items = NULL;
    inventory->count = 0;
    inventory->room = 0;
}

push_item_t *push_inventory_find(const push_inventory_t *inventory,
                                 push_ref_t ref, push_kind_t kind, size_t size)
{
    push_item_t wanted = {.ref = ref};
    push_item_t *item;

    if (!inventory->count) {
        return NULL;
    }
    item = bsearch(&wanted, inventory->items, inventory->count,
                   sizeof(push_item_t), by_ref);
    return item && item->kind == kind && item->size >= size ? item : NULL;
}

push_item_t *push_inventory_mark(push_inventory_t *inventory, push_ref_t ref,
                                 push_kind_t kind, size_t size)
{
    push_item_t *item = push_inventory_find(inventory, ref, kind, size);

    if (!item || item->marked) {
        return NULL;
    }
    item->marked = true;
    return item;
}
