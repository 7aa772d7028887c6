#include "store/ops/export.h"

#include <stdlib.h>
#include <string.h>

#include "store/disk/save_device.h"
#include "store/ops/own.h"
#include "store/ops/session_block.h"
#include "store/shard/context.h"
#include "store/shard/copy.h"
#include "store/shard/shard.h"

void push_export_cleanup(push_export_t *exported)
{
    free(exported->made);
    free(exported->block);
    *exported = (push_export_t){0};
}

/* ---- with the lock of the device's shard ---- */

/* The server's own users are of this node alone. */
static bool is_kept(const push_own_t *own)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        &own->store->heaps[0], own->device);

    return subscriptions[PUSH_SUBSCRIPTION_BROADCAST].log
           == own->store->segment->broadcast;
}

static push_status_t make_record(push_own_t *own, const push_time_t *now,
                                 push_export_t *exported)
{
    push_record_t *record = push_save_device(own->store, own->device, now);

    if (!record) {
        return PUSH_NO_MEMORY;
    }
    exported->made = record;
    exported->record = (push_text_t){(const char *)record->value, record->len};
    exported->fence = own->owned->fence;
    exported->online = own->device->traits & PUSH_DEVICE_ONLINE;
    return PUSH_OK;
}

push_status_t push_store_export(push_store_t *store, push_text_t user,
                                const unsigned char *id,
                                const push_time_t *now,
                                push_export_t *exported)
{
    push_own_t own;
    push_status_t status = push_own_enter(store, user, id, &own);

    *exported = (push_export_t){0};
    if (status != PUSH_OK) {
        return status;
    }
    status = own.owned->state == PUSH_OWNED && is_kept(&own)
                 ? make_record(&own, now, exported)
                 : PUSH_NOT_FOUND;
    if (status == PUSH_OK) {
        own.device->traits &= (uint16_t) ~(PUSH_DEVICE_CHANGED
                                           | PUSH_DEVICE_ADVANCED);
    }
    push_shard_leave(store, own.name.shard);
    return status;
}

/* A yield that is made again may come too late for where it was to go. */
static push_status_t make_block(push_own_t *own, push_export_t *exported)
{
    bool again = own->owned->state == PUSH_OWNED_YIELDING;
    uint32_t len;

    exported->block = push_session_block_make(own->store, own->device, !again,
                                              &len);
    if (!exported->block) {
        return PUSH_NO_MEMORY;
    }
    exported->session = (push_text_t){(const char *)exported->block, len};
    return PUSH_OK;
}

static push_status_t yield(push_own_t *own, const push_time_t *now,
                           push_export_t *exported)
{
    const push_user_t *user = push_at(&own->store->heaps[0],
                                      own->device->user);
    push_status_t status;

    if (own->owned->state == PUSH_OWNED_NOT || !is_kept(own)) {
        return PUSH_NOT_FOUND;
    }
    if (!push_copy_live(own->store, &user->log)) {
        return PUSH_OVER;
    }
    status = make_record(own, now, exported);
    if (status == PUSH_OK) {
        status = make_block(own, exported);
    }
    if (status == PUSH_OK) {
        own->owned->since = (uint32_t)now->mono;
        PUSH_FAILPOINT("cluster-yields");
        own->owned->state = PUSH_OWNED_YIELDING;
        PUSH_FAILPOINT("cluster-yielding");
        if (exported->online) {
            push_own_end_stream(own, now);
        }
    }
    return status;
}

push_status_t push_store_yield(push_store_t *store, push_text_t user,
                               const unsigned char *id, const push_time_t *now,
                               push_export_t *exported)
{
    push_own_t own;
    push_status_t status = push_own_enter(store, user, id, &own);

    *exported = (push_export_t){0};
    if (status != PUSH_OK) {
        return status;
    }
    status = yield(&own, now, exported);
    push_shard_leave(store, own.name.shard);
    if (status != PUSH_OK) {
        push_export_cleanup(exported);
    }
    return status;
}

push_status_t push_store_yielded(push_store_t *store, push_text_t user,
                                 const unsigned char *id,
                                 const push_yielded_t *yielded,
                                 const push_time_t *now)
{
    push_own_t own;
    push_status_t status = push_own_enter(store, user, id, &own);

    if (status != PUSH_OK) {
        return status;
    }
    if (own.owned->fence == yielded->fence
        && own.owned->state == PUSH_OWNED_YIELDING) {
        if (yielded->gone) {
            push_own_forget(&own, yielded->elsewhere, now);
        }
        else {
            own.owned->state = PUSH_OWNED;
        }
    }
    push_shard_leave(store, own.name.shard);
    return PUSH_OK;
}
