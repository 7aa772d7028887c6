#ifndef PUSH_SHAPE_H
#define PUSH_SHAPE_H

#include "store/shard/inventory.h"

/*
 * Whether an object is what it says: lengths within its bytes, references to
 * objects of the right kind and owner.  Nothing is followed that was not
 * checked before; the memory may hold anything.
 */

/* A node that exists, by its kind; a device also needs its user. */
bool push_shape_node(const push_inventory_t *inventory,
                     const push_item_t *item);

/* The device's labels and subscriptions; the channels may be of any shard. */
bool push_shape_device(const push_inventory_t *inventory,
                       const push_device_t *device);

/* The runs that are in flight; their sum in in_flight. */
bool push_shape_window(const push_inventory_t *inventory,
                       const push_device_t *device, uint64_t *in_flight);

/* A lane's ring, with room for what the lane says. */
bool push_shape_lane(const push_inventory_t *inventory,
                     const push_lane_t *lane);

/* A message of this log, or (log is NULL) of any. */
bool push_shape_message(const push_inventory_t *inventory, push_ref_t ref,
                        const push_log_t *log);

#endif
