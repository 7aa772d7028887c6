#include "store/shard/context.h"

#include <stdatomic.h>

#include "core/device_away.h"
#include "core/event.h"
#include "core/trace.h"
#include "store/shard/subscriptions.h"

void push_store_context_id(push_text_t user, push_text_t device,
                           push_text_t app, unsigned char *id)
{
    const push_text_t parts[] = {user, device, app};

    push_store_digest(parts, 3, id);
}

void push_store_count_stream(push_store_t *store, const push_device_t *device,
                             int by)
{
    push_subscriptions_connect(
        store, push_device_subscriptions(&store->heaps[0], device),
        push_device_subscriptions_count(device), by);
}

void push_store_mark_offline(push_store_t *store, push_device_t *device,
                             push_went_t why, const push_time_t *now)
{
    const push_trace_entry_t went = push_trace_event(PUSH_TRACE_WENT, 0, why);

    push_trace_note(&store->heaps[device->shard], device, &went, now);
    device->left = now->mono;
    push_device_set_went(device, why);
    device->last_seen = now->wall;
    PUSH_FAILPOINT("offline-timed");
    device->traits = (uint16_t)((device->traits & ~PUSH_DEVICE_ONLINE)
                                | PUSH_DEVICE_CHANGED);
    PUSH_FAILPOINT("offline-marked");
    push_guard_leave(store->guard, device->address);
    push_store_count_stream(store, device, -1);
    push_event_of_device(&store->heaps[device->shard], PUSH_EVENT_WENT, device,
                         now);
}

void push_store_supersede(push_store_t *store, push_device_t *device,
                          const push_time_t *now)
{
    const push_trace_entry_t taken = push_trace_event(PUSH_TRACE_WENT, 0,
                                                      PUSH_WENT_TAKEN);

    if (device->traits & PUSH_DEVICE_ONLINE) {
        push_seat_end_device(&store->seats, device);
        push_trace_note(&store->heaps[device->shard], device, &taken, now);
        device->left = now->mono;
        push_device_set_went(device, PUSH_WENT_TAKEN);
        PUSH_FAILPOINT("older-stream-left");
        device->traits &= (uint16_t)~PUSH_DEVICE_ONLINE;
        PUSH_FAILPOINT("older-stream-ended");
        push_guard_leave(store->guard, device->address);
        push_store_count_stream(store, device, -1);
    }
}

void push_store_drop_device(push_store_t *store, push_device_t *device)
{
    push_heap_t *heap = &store->heaps[device->shard];
    push_ref_t ref = push_ref_of(heap, device);

    if (store->presence && device->traits & PUSH_DEVICE_PRESENT) {
        store->presence->device(store->presence->data, heap, device, false);
    }
    /* A stream of it may be on its way from a process that died: it ends. */
    device->gen = 0;
    push_node_be(device, PUSH_NODE_NONE);
    PUSH_FAILPOINT("device-died");
    push_user_drop(heap, push_at(heap, device->user), device);
    push_table_remove(heap, &store->shards[device->shard].contexts, ref);
    push_subscriptions_count(store, push_device_subscriptions(heap, device),
                             push_device_subscriptions_count(device), -1);
    push_trace_end(heap, device);
    push_device_cleanup(heap, device);
    heap->release(heap, ref);
}
