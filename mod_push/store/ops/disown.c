#include "store/ops/disown.h"

#include <string.h>

#include "store/ops/own.h"
#include "store/shard/context.h"
#include "store/shard/shard.h"

push_status_t push_store_disown(push_store_t *store, push_text_t user,
                                const unsigned char *id,
                                const push_taken_t *taken,
                                const push_time_t *now)
{
    push_own_t own;
    push_status_t status = push_own_enter(store, user, id, &own);

    if (status != PUSH_OK) {
        return status;
    }
    if (own.owned->fence < taken->fence || taken->fence == UINT32_MAX) {
        push_own_forget(&own, taken->elsewhere, now);
    }
    push_shard_leave(store, own.name.shard);
    return PUSH_OK;
}

push_status_t push_store_owned(push_store_t *store, push_text_t user,
                               const unsigned char *id,
                               push_owned_view_t *view)
{
    push_own_t own;
    push_status_t status = push_own_enter(store, user, id, &own);

    if (status != PUSH_OK) {
        return status;
    }
    *view = (push_owned_view_t){
        .state = (push_owned_state_t)own.owned->state,
        .fence = own.owned->fence,
        .online = own.device->traits & PUSH_DEVICE_ONLINE,
        .left = own.device->traits & PUSH_DEVICE_ONLINE ? 0
                                                        : own.device->left};
    push_shard_leave(store, own.name.shard);
    return PUSH_OK;
}

push_status_t push_store_refence(push_store_t *store, push_text_t user,
                                 const unsigned char *id, uint32_t fence)
{
    push_own_t own;
    push_status_t status = push_own_enter(store, user, id, &own);

    if (status != PUSH_OK) {
        return status;
    }
    own.owned->fence = fence;
    PUSH_FAILPOINT("cluster-refenced");
    own.owned->state = PUSH_OWNED;
    push_shard_leave(store, own.name.shard);
    return PUSH_OK;
}

/* ---- a walk through all of them ---- */

/* That it is offline: who has it says so. */
static bool is_to_be_said(const push_store_t *store,
                          const push_device_t *device)
{
    return store->presence && device->traits & PUSH_DEVICE_PRESENT;
}

static bool is_wanted(const push_store_t *store, const push_owned_walk_t *walk,
                      const push_device_t *device)
{
    const push_owned_t *owned = push_owned(store, device);

    if (owned && owned->state == PUSH_OWNED_YIELDING) {
        return walk->stuck
               && (int32_t)(owned->since - (uint32_t)walk->stuck) < 0;
    }
    return owned && owned->state == PUSH_OWNED
           && (walk->before == INT64_MAX
               || (!(device->traits & PUSH_DEVICE_ONLINE)
                   && device->left < walk->before
                   && !is_to_be_said(store, device)));
}

static void take(const push_store_t *store, const push_device_t *device,
                 push_owned_ref_t *ref)
{
    const push_user_t *user = push_at(&store->heaps[0], device->user);

    memcpy(ref->id, device->id, sizeof(ref->id));
    memcpy(ref->user, user->name, user->name_len);
    ref->user_len = user->name_len;
    ref->fence = push_owned(store, device)->fence;
}

/* Returns how many of a bucket there are, of which at most room are taken. */
static unsigned take_bucket(const push_store_t *store,
                            const push_owned_walk_t *walk,
                            push_owned_ref_t *refs, unsigned room)
{
    const push_heap_t *heap = &store->heaps[0];
    push_ref_t ref = push_table_bucket(
        heap, &store->shards[walk->shard].contexts, walk->bucket);
    unsigned count = 0;

    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        if (is_wanted(store, walk, device)) {
            if (count < room) {
                take(store, device, &refs[count]);
            }
            count++;
        }
        ref = device->node.next;
    }
    return count;
}

/* So many buckets at a time, then others may have the lock. */
#define BUCKETS_MAX 1024u

/* With the lock of the shard.  Returns how many were taken. */
static unsigned take_buckets(const push_store_t *store,
                             push_owned_walk_t *walk, push_owned_ref_t *refs,
                             unsigned room)
{
    const push_table_t *table = &store->shards[walk->shard].contexts;
    unsigned count = 0;

    for (unsigned i = 0; i < BUCKETS_MAX && walk->bucket <= table->mask; i++) {
        unsigned found = take_bucket(store, walk, refs + count, room - count);

        if (found > room - count && count) {
            break;
        }
        count += found < room - count ? found : room - count;
        walk->bucket++;
        if (count == room) {
            break;
        }
    }
    if (walk->bucket > table->mask) {
        walk->shard++;
        walk->bucket = 0;
    }
    return count;
}

unsigned push_owned_walk(push_store_t *store, push_owned_walk_t *walk,
                         push_owned_ref_t *refs, unsigned room)
{
    unsigned count = 0;

    while (!count && walk->shard < PUSH_SHARDS) {
        unsigned shard = walk->shard;

        if (push_shard_enter(store, shard)) {
            count = take_buckets(store, walk, refs, room);
            push_shard_leave(store, shard);
        }
        else {
            walk->shard++;
            walk->bucket = 0;
        }
    }
    walk->done = walk->shard == PUSH_SHARDS;
    return count;
}
