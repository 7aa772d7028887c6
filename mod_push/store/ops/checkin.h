#ifndef PUSH_CHECKIN_H
#define PUSH_CHECKIN_H

#include "core/checkin.h"
#include "store/shard/store.h"

/* Devices that come. */

/*
 * Checks a device in: finds or makes its context, refreshes what is known of
 * it, resumes its session, takes over its stream.  PUSH_NO_MEMORY (the last of
 * the memory is for messages), PUSH_TOO_MANY (streams of this user),
 * PUSH_CROWDED (streams of its address), PUSH_TOO_MANY_DEVICES,
 * PUSH_TOO_MANY_SUBSCRIPTIONS, PUSH_TOO_MANY_CHANNELS, PUSH_BUSY: nothing was
 * changed.  In a cluster also PUSH_NOT_FOUND: the context is not here and ours
 * (and none was granted, see push_checkin_t's fence), or the user's log or a
 * channel is not LIVE here: claim and follow, then again.
 */
push_status_t push_store_checkin(push_store_t *store,
                                 const push_checkin_t *checkin,
                                 const push_time_t *now,
                                 push_stream_ref_t *stream_ref);

/* ---- with the lock of the device's shard ---- */

/*
 * Around every change of a session: should the process die within, the
 * session begins anew, and its client connects again.
 */
static inline void push_session_open(push_store_t *store,
                                     const push_device_t *device)
{
    push_shard_t *shard = &store->shards[device->shard];

    shard->changing = push_ref_of(&store->heaps[device->shard], device);
    PUSH_FAILPOINT("session-open");
}

static inline void push_session_close(push_store_t *store,
                                      const push_device_t *device)
{
    PUSH_FAILPOINT("session-close");
    store->shards[device->shard].changing = PUSH_NONE;
}

#endif
