#ifndef PUSH_MOVE_H
#define PUSH_MOVE_H

#include "core/checkin.h"
#include "store/shard/store.h"

/* Open streams that go to another reactor, are woken, and end. */

/*
 * Wake-ups of the device go to another seat from now on; the device is online,
 * even if that was forgotten on the way.  False if a newer stream took over,
 * or the mailbox is locked.
 */
bool push_store_move(push_store_t *store, const push_stream_ref_t *stream_ref,
                     unsigned seat);

/* Puts the device on the list of its reactor, if it is online. */
void push_store_wake(push_store_t *store, push_device_t *device);

/* The stream ended.  A no-op if a newer one took over. */
void push_store_checkout(push_store_t *store,
                         const push_stream_ref_t *stream_ref,
                         const push_time_t *now);

/* The same, and it is known why. */
void push_store_end(push_store_t *store, const push_stream_ref_t *stream_ref,
                    push_went_t why, const push_time_t *now);

#endif
