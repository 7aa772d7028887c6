#include "store/ops/own.h"

#include <stdatomic.h>

#include "core/event.h"
#include "store/shard/context.h"
#include "store/shard/shard.h"

push_status_t push_own_enter(push_store_t *store, push_text_t user,
                             const unsigned char *id, push_own_t *own)
{
    *own = (push_own_t){.store = store, .name = push_store_name(store, user)};
    if (!push_shard_enter(store, own->name.shard)) {
        return PUSH_BUSY;
    }
    own->device = push_store_device(store, own->name.shard, id);
    own->owned = own->device ? push_owned(store, own->device) : NULL;
    if (own->owned) {
        return PUSH_OK;
    }
    push_shard_leave(store, own->name.shard);
    return PUSH_NOT_FOUND;
}

/* ---- with the lock of the shard ---- */

/* So long after a stream began, what the inbox had before has been read. */
#define UNSURE_MS 30000

/*
 * A client that came here while nobody could say that its device was another
 * node's has no newer stream: it is to come again.
 */
static bool is_unsure(const push_own_t *own, const push_time_t *now)
{
    const push_owned_t *owned = own->owned;

    return owned->unsure == own->device->gen
           && (uint32_t)now->mono - owned->unsure_since < UNSURE_MS;
}

/* Its numbers stay those of the stream that gave them. */
void push_own_end_stream(push_own_t *own, const push_time_t *now)
{
    push_device_t *device = own->device;
    bool online = device->traits & PUSH_DEVICE_ONLINE;
    uint64_t session = push_owned_session(own->store, device);
    bool unsure = is_unsure(own, now);

    push_store_supersede(own->store, device, now);
    own->owned->gen = unsure ? 0 : push_store_next_gen(own->store);
    own->owned->session = session;
    PUSH_FAILPOINT("cluster-superseded");
    device->gen = own->owned->gen;
    PUSH_FAILPOINT("cluster-stream-ended");
    if (online) {
        device->last_seen = now->wall;
        push_event_of_device(&own->store->heaps[device->shard],
                             PUSH_EVENT_WENT, device, now);
    }
}

/* The stream's reactor may look at it a while longer: then the sweep drops it. */
void push_own_forget(push_own_t *own, bool elsewhere, const push_time_t *now)
{
    push_device_t *device = own->device;

    if (elsewhere) {
        device->traits &= (uint16_t)~PUSH_DEVICE_PRESENT;
    }
    own->owned->state = PUSH_OWNED_NOT;
    PUSH_FAILPOINT("cluster-disowned");
    if (device->traits & PUSH_DEVICE_ONLINE) {
        push_own_end_stream(own, now);
    }
    else if (!atomic_load(&device->wake)
             && device->left + PUSH_DISOWN_MS <= now->mono) {
        push_store_drop_device(own->store, device);
        return;
    }
    if (device->left > now->mono - PUSH_DISOWN_MS) {
        device->left = now->mono;
    }
}
