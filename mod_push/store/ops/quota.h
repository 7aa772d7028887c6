#ifndef PUSH_QUOTA_H
#define PUSH_QUOTA_H

#include "core/checkin.h"
#include "store/shard/store.h"

/* Limits of one user.  With the lock of the user's shard. */

/*
 * Whether the user may have one more stream, with so many channels, beside
 * device, which may be NULL: PUSH_TOO_MANY, PUSH_TOO_MANY_SUBSCRIPTIONS.
 */
push_status_t push_quota_check(const push_store_t *store,
                               const push_checkin_t *checkin,
                               const push_user_t *user,
                               const push_device_t *device);

/* False if one more device would be too many, and none can be spared for it. */
bool push_quota_spare(push_store_t *store, push_user_t *user, uint32_t most);

#endif
