#include "store/ops/dismiss.h"
#include "store/shard/shard.h"

push_status_t push_store_dismiss(push_store_t *store, push_text_t text,
                                 bool revoked, uint32_t *streams)
{
    push_name_t name = push_store_name(store, text);
    push_heap_t *heap = &store->heaps[name.shard];
    uint8_t mark = revoked ? PUSH_DEVICE_REVOKED : PUSH_DEVICE_DISMISSED;
    const push_user_t *user;
    push_ref_t ref;

    *streams = 0;
    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    user = push_store_user(store, &name, false);
    ref = user ? user->devices : PUSH_NONE;
    while (ref) {
        push_device_t *device = push_at(heap, ref);

        if (device->traits & PUSH_DEVICE_ONLINE) {
            device->traits |= mark;
            push_seat_wake_device(&store->seats, device);
            (*streams)++;
        }
        ref = device->sibling;
    }
    push_shard_leave(store, name.shard);
    return PUSH_OK;
}
