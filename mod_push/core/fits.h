#ifndef PUSH_FITS_H
#define PUSH_FITS_H

#include "core/device.h"
#include "core/message_texts.h"

/* For which devices a message is; with the lock of the user's shard. */

/* True if a message in the user's log names this device, or none. */
bool push_device_named(const push_heap_t *heap, const push_device_t *device,
                       const push_message_t *message);

/* True if the predicate of a message with this mid, if any, holds for it. */
bool push_device_holds(const push_heap_t *heap, const push_device_t *device,
                       push_text_t where, uint64_t mid);

/* True if the message has no predicate, or one that holds for the device. */
static inline bool push_device_fits(const push_heap_t *heap,
                                    const push_device_t *device,
                                    const push_message_t *message)
{
    return !(message->topic_len & PUSH_MESSAGE_WHERE)
           || push_device_holds(heap, device, push_message_where(message),
                                message->mid);
}

/* True if a message in the user's log is meant for this device. */
bool push_device_wants(const push_heap_t *heap, const push_device_t *device,
                       const push_message_t *message);

#endif
