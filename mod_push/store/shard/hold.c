#include "store/shard/hold.h"
#include "store/shard/shard.h"

#include <stdatomic.h>

static push_ref_t take(push_store_t *store, unsigned shard, push_ref_t message,
                       const push_hold_t *wanted)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = heap->alloc(heap, sizeof(push_hold_t), PUSH_PART);
    push_hold_t *hold;

    if (!ref) {
        return PUSH_NONE;
    }
    hold = push_at(heap, ref);
    hold->message = message;
    hold->gen = wanted->gen;
    atomic_store(&hold->holder, wanted->holder);
    hold->next = store->shards[shard].holds;
    PUSH_FAILPOINT("hold-filled");
    if (!push_message_hold(push_at(heap, message))) {
        heap->release(heap, ref);
        return PUSH_NONE;
    }
    PUSH_FAILPOINT("hold-counted");
    store->shards[shard].holds = ref;
    return ref;
}

push_ref_t push_hold_take(push_store_t *store, push_ref_t message,
                          uint32_t gen, uint32_t tag)
{
    const push_message_t *held = push_at(&store->heaps[0], message);
    const push_hold_t wanted = {.gen = gen, .holder = tag};
    unsigned shard = push_mid_shard(held->mid) % PUSH_SHARDS;
    push_ref_t ref;

    if (!push_shard_enter(store, shard)) {
        return PUSH_NONE;
    }
    push_hold_collect(store, shard);
    ref = take(store, shard, message, &wanted);
    push_shard_leave(store, shard);
    return ref;
}

bool push_hold_adopt(push_store_t *store, push_ref_t ref, uint32_t gen,
                     uint32_t tag)
{
    push_object_t object;
    unsigned shard;
    push_ref_t at;

    if (!push_slab_find(&store->slab, ref, &object)
        || PUSH_TAG_KIND(object.tag) != PUSH_PART) {
        return false;
    }
    shard = PUSH_TAG_SHARD(object.tag);
    if (!push_shard_enter(store, shard)) {
        return false;
    }
    at = store->shards[shard].holds;
    while (at && at != ref) {
        at = push_hold_at(store, at)->next;
    }
    if (at && push_hold_at(store, at)->gen == gen) {
        push_hold_pass(store, at, tag);
    }
    else {
        at = PUSH_NONE;
    }
    push_shard_leave(store, shard);
    return at != PUSH_NONE;
}

void push_hold_collect(push_store_t *store, unsigned shard)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t *link = &store->shards[shard].holds;

    while (*link) {
        push_ref_t ref = *link;
        push_hold_t *hold = push_hold_at(store, ref);
        uint32_t holder = atomic_load(&hold->holder);

        if (holder == PUSH_SEAT_NOBODY
            || push_seat_held(&store->seats, holder)) {
            link = &hold->next;
            continue;
        }
        *link = hold->next;
        PUSH_FAILPOINT("hold-unlinked");
        push_message_release(heap, hold->message);
        PUSH_FAILPOINT("hold-released");
        heap->release(heap, ref);
    }
}
