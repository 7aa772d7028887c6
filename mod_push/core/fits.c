#include "core/fits.h"

#include <string.h>

#include "core/where.h"

bool push_device_named(const push_heap_t *heap, const push_device_t *device,
                       const push_message_t *message)
{
    push_text_t id;

    if (!message->device_len) {
        return true;
    }
    id = push_device_label(heap, device, PUSH_LABEL_DEVICE);
    return id.len == message->device_len
           && !memcmp(id.at, push_message_device(message).at, id.len);
}

bool push_device_holds(const push_heap_t *heap, const push_device_t *device,
                       push_text_t where, uint64_t mid)
{
    const push_decider_t decider = {
        .labels = push_at(heap, device->labels),
        .id = device->id,
        .present = device->traits & PUSH_DEVICE_ONLINE && mid >= device->since,
        .places = heap->places};

    return push_where_holds(where, &decider);
}

bool push_device_wants(const push_heap_t *heap, const push_device_t *device,
                       const push_message_t *message)
{
    return push_device_named(heap, device, message)
           && push_device_fits(heap, device, message);
}
