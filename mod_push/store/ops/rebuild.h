#ifndef PUSH_REBUILD_H
#define PUSH_REBUILD_H

#include "store/disk/record.h"
#include "store/shard/store.h"

/*
 * From the record of a device context to its parts: what a start (restore) and
 * a context that comes from another node (import) have in common.
 */

/* The id says whose context it is: nobody gets that of another. */
bool push_rebuild_is_genuine(const push_device_record_t *record);

/* ---- with the lock of the log's shard, unless nobody else is there ---- */

/* A subscription to log, at the places that are saved. */
void push_rebuild_subscription(const push_heap_t *heap, const push_log_t *log,
                               const push_subscription_record_t *saved,
                               push_subscription_t *subscription);

/* ---- likewise of the device's shard ---- */

/* All that is neither a label, a subscription, a loss nor the window. */
void push_rebuild_fields(push_device_t *device, unsigned shard,
                         const push_device_record_t *record,
                         const push_time_t *now);

/* Notes in the user's log what the device is not to be sent again. */
void push_rebuild_settled(push_heap_t *heap, const push_device_t *device,
                          const push_device_record_t *record,
                          const push_time_t *now);

/* The mid up to which a lane of the user's log is settled; 0: not said. */
uint64_t push_rebuild_settled_up_to(const push_device_record_t *record,
                                    unsigned lane);

#endif
