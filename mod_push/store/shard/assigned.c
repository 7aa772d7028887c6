#include "store/shard/assigned.h"

#include <string.h>

/*
 * A node is born when its list is written; a change swaps the list by one
 * store, so that a death leaves the one before or the one behind, and a list
 * that nobody needs, which the repair finds.  Versions are numbers that streams
 * have as well, so that none comes twice, whatever went in between.
 */

static bool is_of_user(const push_heap_t *heap, const void *object,
                       const void *key)
{
    const push_text_t *user = key;
    push_text_t name = push_assigned_user(push_assigned_list(heap, object));

    return name.len == user->len && !memcmp(name.at, user->at, name.len);
}

push_assigned_t *push_assigned_find(push_store_t *store,
                                    const push_name_t *user)
{
    const push_table_t *table = &store->shards[user->shard].assigned;
    const push_heap_t *heap = &store->heaps[user->shard];
    push_ref_t ref = PUSH_NONE;

    if (push_table_count(table)) {
        ref = push_table_find(heap, table, (uint32_t)user->hash, is_of_user,
                              &user->text);
    }
    return ref ? push_at(heap, ref) : NULL;
}

static bool has_id(const push_heap_t *heap, const void *object,
                   const void *key)
{
    (void)heap;
    return !memcmp(((const push_assigned_t *)object)->id, key,
                   PUSH_ASSIGNED_ID);
}

push_assigned_t *push_assigned_by_id(push_store_t *store, unsigned shard,
                                     const unsigned char *id)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref;
    uint32_t hash;

    memcpy(&hash, id, sizeof(hash));
    ref = push_table_find(heap, &store->shards[shard].assigned, hash, has_id,
                          id);
    return ref ? push_at(heap, ref) : NULL;
}

static bool make(push_store_t *store, const push_name_t *user, push_ref_t list)
{
    push_heap_t *heap = &store->heaps[user->shard];
    push_ref_t ref = heap->alloc(heap, sizeof(push_assigned_t), PUSH_NODE);
    uint32_t hash = (uint32_t)user->hash;
    push_assigned_t *assigned;

    if (!ref) {
        return false;
    }
    assigned = push_at(heap, ref);
    assigned->node.hash = hash;
    assigned->list = list;
    assigned->version = push_store_next_gen(store);
    assigned->settled = 0;
    push_store_digest(&user->text, 1, assigned->id);
    memcpy(assigned->id, &hash, sizeof(hash));
    PUSH_FAILPOINT("assigned-made");
    push_node_be(assigned, PUSH_NODE_ASSIGNED);
    PUSH_FAILPOINT("assigned-born");
    push_table_add(heap, &store->shards[user->shard].assigned, ref);
    return true;
}

static void drop(push_store_t *store, unsigned shard,
                 push_assigned_t *assigned)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t list = assigned->list;

    push_node_be(assigned, PUSH_NODE_NONE);
    PUSH_FAILPOINT("assigned-died");
    push_table_remove(heap, &store->shards[shard].assigned,
                      push_ref_of(heap, assigned));
    heap->release(heap, list);
    heap->release(heap, push_ref_of(heap, assigned));
}

static void swap(push_store_t *store, push_heap_t *heap,
                 push_assigned_t *assigned, push_ref_t list)
{
    push_ref_t before = assigned->list;

    assigned->version = push_store_next_gen(store);
    PUSH_FAILPOINT("assigned-version");
    assigned->list = list;
    PUSH_FAILPOINT("assigned-swapped");
    heap->release(heap, before);
}

push_status_t push_assigned_change(push_store_t *store,
                                   const push_name_t *user,
                                   push_assigned_change_t *change,
                                   unsigned char *id)
{
    push_heap_t *heap = &store->heaps[user->shard];
    push_assigned_t *assigned = push_assigned_find(store, user);
    push_ref_t list;

    change->before = assigned ? push_assigned_list(heap, assigned) : NULL;
    if (assigned) {
        memcpy(id, assigned->id, PUSH_ASSIGNED_ID);
    }
    if (assigned && !change->add && change->before->count == 1
        && !store->journal) {
        drop(store, user->shard, assigned);
        return PUSH_OK;
    }
    list = heap->alloc(heap, push_assigned_size(change), PUSH_PART);
    if (!list) {
        return PUSH_NO_MEMORY;
    }
    push_assigned_write(change, push_at(heap, list));
    if (assigned) {
        swap(store, heap, assigned, list);
        return PUSH_OK;
    }
    if (!make(store, user, list)) {
        heap->release(heap, list);
        return PUSH_NO_MEMORY;
    }
    memcpy(id, push_assigned_find(store, user)->id, PUSH_ASSIGNED_ID);
    return PUSH_OK;
}

size_t push_assigned_room(const push_store_t *store,
                          const push_assigned_list_t *list)
{
    return store->segment->cluster
               ? (list->size + 7u) / 8u * 8u + sizeof(push_assigned_tail_t)
                     + list->count * sizeof(uint64_t)
               : list->size;
}

bool push_assigned_put(push_store_t *store, const push_name_t *user,
                       push_assigned_list_t *list)
{
    push_heap_t *heap = &store->heaps[user->shard];
    push_assigned_t *assigned = push_assigned_find(store, user);
    size_t room = push_assigned_room(store, list);
    push_ref_t ref = heap->alloc(heap, room, PUSH_PART);

    if (!ref) {
        return false;
    }
    memcpy(push_at(heap, ref), list, room);
    if (assigned) {
        swap(store, heap, assigned, ref);
        return true;
    }
    if (!make(store, user, ref)) {
        heap->release(heap, ref);
        return false;
    }
    return true;
}

void push_assigned_forget(push_store_t *store, const push_name_t *user)
{
    push_assigned_t *assigned = push_assigned_find(store, user);

    if (assigned) {
        drop(store, user->shard, assigned);
    }
}

bool push_assigned_restore(push_store_t *store, const push_name_t *user,
                           const push_assigned_list_t *list)
{
    push_heap_t *heap = &store->heaps[user->shard];
    push_ref_t ref = heap->alloc(heap, list->size, PUSH_PART);

    if (!ref) {
        return false;
    }
    memcpy(push_at(heap, ref), list, list->size);
    if (!make(store, user, ref)) {
        heap->release(heap, ref);
        return false;
    }
    return true;
}
