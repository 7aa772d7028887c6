#ifndef PUSH_SAVE_DEVICE_H
#define PUSH_SAVE_DEVICE_H

#include "store/disk/record.h"
#include "store/shard/store.h"

/*
 * A fate of push_settled_t that no message has for a device: all of the lane
 * up to this mid is settled.  Only what a cluster keeps has it.
 */
#define PUSH_SETTLED_UP_TO PUSH_LIVE

/*
 * From a device context to its record.  With the lock of its shard; NULL: no
 * memory.  In a cluster the record says of each lane of the user's log up to
 * where all is settled (PUSH_SETTLED_UP_TO), and lists only what is above, and
 * what ended otherwise than by an acknowledgement.
 */
push_record_t *push_save_device(push_store_t *store,
                                const push_device_t *device,
                                const push_time_t *now);

#endif
