#ifndef PUSH_DEVICE_AWAY_H
#define PUSH_DEVICE_AWAY_H

#include "core/device.h"

/* Why a device has no stream, or has one that gets nowhere. */

/* Of its traits four bits from here: push_went_t, while it has no stream. */
#define PUSH_DEVICE_WENT     9
#define PUSH_DEVICE_WENT_ALL (15u << PUSH_DEVICE_WENT)

_Static_assert(PUSH_WENT_CAUSES <= 16, "they have four bits");

static inline push_went_t push_device_went(const push_device_t *device)
{
    return (push_went_t)((device->traits & PUSH_DEVICE_WENT_ALL)
                         >> PUSH_DEVICE_WENT);
}

static inline void push_device_set_went(push_device_t *device, push_went_t why)
{
    device->traits = (uint16_t)((device->traits & ~PUSH_DEVICE_WENT_ALL)
                                | (unsigned)why << PUSH_DEVICE_WENT);
}

/*
 * Since when the socket of its open stream takes nothing more without having
 * taken all there was meanwhile (mono ms); 0: it has, or there is no stream.
 */
static inline int64_t push_device_blocked_since(const push_device_t *device)
{
    return device->traits & PUSH_DEVICE_ONLINE ? device->left : 0;
}

#endif
