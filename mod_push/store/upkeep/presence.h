#ifndef PUSH_UPKEEP_PRESENCE_H
#define PUSH_UPKEEP_PRESENCE_H

#include "store/shard/store.h"

/* What a sweep tells of presence.  With the lock of the shard. */

void push_presence_sweep_device(push_store_t *store, push_device_t *device,
                                const push_time_t *now);
void push_presence_sweep_channel(push_store_t *store, push_channel_t *channel,
                                 const push_time_t *now);

#endif
