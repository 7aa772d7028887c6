#include "core/device.h"

#include <string.h>

push_text_t push_device_label(const push_heap_t *heap,
                              const push_device_t *device, push_label_t label)
{
    const push_labels_t *labels = push_at(heap, device->labels);
    push_text_t text = {labels->bytes, labels->len[label]};

    for (unsigned i = 0; i < label; i++) {
        text.at += labels->len[i];
    }
    return text;
}

push_status_t push_device_set_labels(push_heap_t *heap, push_device_t *device,
                                     const push_text_t *texts)
{
    uint8_t len[PUSH_LABELS];
    size_t total = 0;
    push_labels_t *labels;
    push_ref_t old = device->labels;
    push_ref_t ref;
    char *at;

    for (int i = 0; i < PUSH_LABELS; i++) {
        size_t room = PUSH_LABELS_MAX - total;

        len[i] = (uint8_t)(texts[i].len < room ? texts[i].len : room);
        total += len[i];
    }
    ref = heap->alloc(heap, sizeof(push_labels_t) + total, PUSH_PART);
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    labels = push_at(heap, ref);
    memcpy(labels->len, len, sizeof(len));
    at = labels->bytes;
    for (int i = 0; i < PUSH_LABELS; i++) {
        if (len[i]) {
            memcpy(at, texts[i].at, len[i]);
            at += len[i];
        }
    }
    PUSH_FAILPOINT("labels-full");
    device->labels = ref;
    PUSH_FAILPOINT("labels-swapped");
    if (old) {
        heap->release(heap, old);
    }
    return PUSH_OK;
}

bool push_device_missed(const push_device_t *device,
                        const push_message_t *message)
{
    return message->traits & PUSH_TRAIT_NOW
           && (!(device->traits & PUSH_DEVICE_ONLINE)
               || message->mid < device->since);
}

void push_device_cleanup(push_heap_t *heap, push_device_t *device)
{
    push_window_cleanup(heap, &device->window);
    if (device->labels) {
        heap->release(heap, device->labels);
    }
    if (push_device_subscriptions_count(device)) {
        heap->release(heap, push_device_subscriptions_ref(device));
    }
}
