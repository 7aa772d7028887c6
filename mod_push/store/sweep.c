#include "store/sweep.h"

#include <stdatomic.h>

#include "store/checkin.h"
#include "store/disk.h"
#include "store/pressure.h"
#include "store/save.h"

/* Above this, the ends of messages are not remembered any longer. */
#define HURRY_PERCENT 75u

#define SWEEP_MS 1000

static void sweep_keys(push_store_t *store, unsigned shard,
                       const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_table_t *keys = &store->shards[shard].keys;
    push_ref_t ref = push_table_next(heap, keys, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, keys, ref);
        const push_key_t *key = push_at(heap, ref);

        if (key->until <= now->mono) {
            push_table_remove(heap, keys, ref);
            heap->release(heap, ref);
        }
        ref = next;
    }
}

/* A device whose reactor is gone is not online, whatever it says. */
static void notice_dead_reactor(push_store_t *store, push_device_t *device,
                                const push_time_t *now)
{
    if (device->traits & PUSH_DEVICE_ONLINE
        && !push_seat_alive(&store->seats, device->child)) {
        push_store_mark_offline(store, device, now);
    }
}

static void sweep_devices(push_store_t *store, push_user_t *user,
                          unsigned shard, const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = user->devices;

    while (ref) {
        push_device_t *device = push_at(heap, ref);

        ref = device->sibling;
        notice_dead_reactor(store, device, now);
        push_save_if_changed(store, device);
        if (!(device->traits & PUSH_DEVICE_ONLINE)
            && device->left + store->limits.retention <= now->mono
            && !atomic_load(&device->wake)) {
            push_store_drop_device(store, device);
        }
    }
}

static void sweep_users(push_store_t *store, unsigned shard, bool hurry,
                        const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_table_t *users = &store->shards[shard].users;
    push_ref_t ref = push_table_next(heap, users, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, users, ref);
        push_user_t *user = push_at(heap, ref);

        push_log_sweep(heap, &user->log, hurry, now);
        sweep_devices(store, user, shard, now);
        if (!user->devices && push_log_empty(&user->log)
            && user->lost_until <= now->mono) {
            push_log_cleanup(heap, &user->log);
            push_table_remove(heap, users, ref);
            heap->release(heap, ref);
        }
        ref = next;
    }
}

static bool channel_idle(const push_store_t *store,
                         const push_channel_t *channel)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        if (atomic_load(&channel->links[i])) {
            return false;
        }
    }
    return !atomic_load(&channel->subscribers)
           && push_log_empty(&channel->log);
}

static void sweep_channels(push_store_t *store, unsigned shard, bool hurry,
                           const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_table_t *channels = &store->shards[shard].channels;
    push_ref_t ref = push_table_next(heap, channels, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, channels, ref);
        push_channel_t *channel = push_at(heap, ref);

        push_log_sweep(heap, &channel->log, hurry, now);
        if (channel_idle(store, channel)) {
            push_log_cleanup(heap, &channel->log);
            push_table_remove(heap, channels, ref);
            heap->release(heap, ref);
        }
        ref = next;
    }
}

void push_store_sweep(push_store_t *store, unsigned shard,
                      const push_time_t *now)
{
    bool hurry = push_pressure_above(store, HURRY_PERCENT);

    if (!push_shard_enter(store, shard)) {
        return;
    }
    sweep_keys(store, shard, now);
    sweep_users(store, shard, hurry, now);
    sweep_channels(store, shard, hurry, now);
    if (shard == 0) {
        push_log_sweep(&store->heaps[0], &push_store_broadcast(store)->log,
                       hurry, now);
    }
    push_shard_leave(store, shard);
    push_epoch_advance(&store->epoch);
}

void push_store_sweep_due(push_store_t *store, const push_time_t *now)
{
    int64_t due = atomic_load(&store->segment->sweep_next);
    /* Another first one each time: what is saved of devices has a limit. */
    unsigned start = (unsigned)(now->mono / SWEEP_MS) % PUSH_SHARDS;

    if (now->mono < due
        || !atomic_compare_exchange_strong(&store->segment->sweep_next, &due,
                                           now->mono + SWEEP_MS)) {
        return;
    }
    push_seat_reap(&store->seats);
    push_disk_reap(store);
    push_save_begin(store);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_store_sweep(store, (start + i) % PUSH_SHARDS, now);
    }
}
