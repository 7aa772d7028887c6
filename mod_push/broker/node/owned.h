#ifndef PUSH_NODE_OWNED_H
#define PUSH_NODE_OWNED_H

#include "broker/node/load.h"
#include "store/shard/owned.h"

/*
 * Devices of this node as the saver asks for them.  Each takes the lock of the
 * shard; false, or nothing done, if that is stuck or the device is not ours.
 */

/* Whose context it is, as the name of the user's log. */
bool push_owned_user(push_store_t *store, unsigned shard,
                     const unsigned char *id, push_log_name_t *log);

/* Its device id; PUSH_DEVICE_MAX + 1 bytes. */
bool push_owned_device(push_store_t *store, push_text_t user,
                       const unsigned char *id, char *device);

/* Its record lags behind: the next sweep notes it. */
void push_owned_lags(push_store_t *store, push_text_t user,
                     const unsigned char *id);

/* Those of all devices of a partition, or of a shard. */
void push_owned_lag(push_store_t *store, unsigned partition);
void push_owned_lag_shard(push_store_t *store, unsigned shard);

#endif
