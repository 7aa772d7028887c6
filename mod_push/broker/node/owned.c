#include "broker/node/owned.h"

#include <string.h>

#include "store/shard/shard.h"

/* With the lock. */
static push_device_t *find_owned(push_store_t *store, unsigned shard,
                                 const unsigned char *id)
{
    push_device_t *device = push_store_device(store, shard, id);

    return device && push_is_owned(store, device) ? device : NULL;
}

bool push_owned_user(push_store_t *store, unsigned shard,
                     const unsigned char *id, push_log_name_t *log)
{
    const push_device_t *device;

    shard %= PUSH_SHARDS;
    if (!push_shard_enter(store, shard)) {
        return false;
    }
    device = find_owned(store, shard, id);
    if (device) {
        const push_user_t *user = push_at(&store->heaps[shard], device->user);

        *log = push_log_name('u', (push_text_t){user->name, user->name_len});
    }
    push_shard_leave(store, shard);
    return device != NULL;
}

bool push_owned_device(push_store_t *store, push_text_t user,
                       const unsigned char *id, char *text)
{
    unsigned shard = push_store_name(store, user).shard;
    const push_device_t *device;

    if (!push_shard_enter(store, shard)) {
        return false;
    }
    device = find_owned(store, shard, id);
    if (device) {
        push_text_t label = push_device_label(&store->heaps[shard], device,
                                              PUSH_LABEL_DEVICE);

        memcpy(text, label.at, label.len);
        text[label.len] = '\0';
    }
    push_shard_leave(store, shard);
    return device != NULL;
}

void push_owned_lags(push_store_t *store, push_text_t user,
                     const unsigned char *id)
{
    unsigned shard = push_store_name(store, user).shard;
    push_device_t *device;

    if (push_shard_enter(store, shard)) {
        device = find_owned(store, shard, id);
        if (device) {
            device->traits |= PUSH_DEVICE_CHANGED;
        }
        push_shard_leave(store, shard);
    }
}

/* part: the low bits of the partition; above 15: any. */
static void lag(push_store_t *store, unsigned shard, unsigned part)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = PUSH_NONE;

    if (!push_shard_enter(store, shard)) {
        return;
    }
    while (push_table_walk(heap, &store->shards[shard].contexts, &ref)) {
        push_device_t *device = push_at(heap, ref);
        const push_log_copy_t *copy = push_log_copy(
            store, push_at(heap, device->user));

        if (push_is_owned(store, device)
            && (part > 15 || (copy && copy->part == part))) {
            device->traits |= PUSH_DEVICE_CHANGED;
        }
    }
    push_shard_leave(store, shard);
}

void push_owned_lag(push_store_t *store, unsigned partition)
{
    lag(store, partition >> 4, partition & 15);
}

void push_owned_lag_shard(push_store_t *store, unsigned shard)
{
    lag(store, shard, 16);
}
