#ifndef PUSH_PRESENCE_H
#define PUSH_PRESENCE_H

#include "core/channel.h"
#include "core/device.h"

/*
 * Who wants to know which devices are online and which channels have somebody
 * connected (PushPresence): it is asked with the lock of their shard, copies
 * what it needs and waits for nothing.  False: it has no room now, so the same
 * is said again later.
 */
typedef struct push_presence_t {
    bool (*device)(void *data, const push_heap_t *heap,
                   const push_device_t *device, bool online);
    bool (*channel)(void *data, const push_channel_t *channel, bool occupied,
                    const push_time_t *now);
    void *data;
} push_presence_t;

/* ms; who is back before that was never away. */
#define PUSH_PRESENCE_PATIENCE 3000

#endif
