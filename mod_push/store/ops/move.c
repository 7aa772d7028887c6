#include "store/ops/move.h"

#include "store/shard/context.h"
#include "store/shard/shard.h"

bool push_store_move(push_store_t *store, const push_stream_ref_t *stream_ref,
                     unsigned seat)
{
    push_device_t *device = push_store_device_at(store, stream_ref->device);
    unsigned shard = device->shard % PUSH_SHARDS;
    bool ours;

    if (!push_shard_enter(store, shard)) {
        return false;
    }
    ours = device->gen == stream_ref->gen;
    if (ours) {
        device->handoff_owner = store->tag == PUSH_SEAT_NOBODY ? device->owner
                                                               : store->tag;
        PUSH_FAILPOINT("move-guarded");
        device->owner = push_seat_tag(&store->seats.seats[seat], seat);
        if (!(device->traits & PUSH_DEVICE_ONLINE)) {
            push_guard_enter(store->guard, device->address);
            push_store_count_stream(store, device, 1);
            device->traits |= PUSH_DEVICE_ONLINE;
            PUSH_FAILPOINT("move-online");
            device->left = 0;
            push_event_of_device(&store->heaps[shard], PUSH_EVENT_CAME, device,
                                 NULL);
        }
    }
    push_shard_leave(store, shard);
    return ours;
}

void push_store_wake(push_store_t *store, push_device_t *device)
{
    unsigned shard = device->shard % PUSH_SHARDS;

    if (push_shard_enter(store, shard)) {
        push_seat_wake_device(&store->seats, device);
        push_shard_leave(store, shard);
    }
}

void push_store_checkout(push_store_t *store,
                         const push_stream_ref_t *stream_ref,
                         const push_time_t *now)
{
    push_store_end(store, stream_ref, PUSH_WENT_UNKNOWN, now);
}

void push_store_end(push_store_t *store, const push_stream_ref_t *stream_ref,
                    push_went_t why, const push_time_t *now)
{
    push_device_t *device = push_store_device_at(store, stream_ref->device);
    unsigned shard = device->shard % PUSH_SHARDS;

    if (!push_shard_enter(store, shard)) {
        return;
    }
    if (device->gen == stream_ref->gen
        && device->traits & PUSH_DEVICE_ONLINE) {
        push_store_mark_offline(store, device, why, now);
    }
    push_shard_leave(store, shard);
}
