#ifndef PUSH_FITS_H
#define PUSH_FITS_H

#include "core/device.h"
#include "core/message_texts.h"

/* True if the message has no predicate, or one that holds for the device. */
static inline bool push_device_fits(const push_heap_t *heap,
                                    const push_device_t *device,
                                    const push_message_t *message)
{
    return !(message->topic_len & PUSH_MESSAGE_WHERE)
           || push_device_holds(heap, device, push_message_where(message),
                                message->mid);
}

#endif
