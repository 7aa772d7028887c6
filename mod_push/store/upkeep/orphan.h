#ifndef PUSH_ORPHAN_H
#define PUSH_ORPHAN_H

#include "store/shard/store.h"

/*
 * Orphans: objects whose link says that they stand in a wake-up list, but
 * that were on their way into or out of one when a process died.  Nobody
 * would wake their reactor any more, nor could they ever be forgotten.
 *
 * Only the holder of the sweep lock looks for them; and links are claimed with
 * the lock of the object's shard only, so nobody else is at it.
 */

/*
 * After the shard was repaired: empties the lists of all seats and fills them
 * again, so that what was in none can be told.  With the lock of the shard.
 */
void push_orphans_adopt(push_store_t *store, unsigned shard);

/*
 * The reactor of the device is dead: it does not stand in its list any more.
 * With the lock of the shard.
 */
void push_orphan_device(push_store_t *store, push_device_t *device);

#endif
