#include "store/ops/view_copy.h"

#include <stdatomic.h>

#include "store/ops/apply_internal.h"
#include "store/shard/copy.h"
#include "store/shard/shard.h"

/* With the lock of the shard; NULL: it is not here. */
static const push_log_t *log_of(push_store_t *store,
                                const push_audience_t *audience,
                                const push_name_t *name)
{
    const push_user_t *user;
    const push_channel_t *channel;

    switch (audience->kind) {
    case PUSH_LOG_USER:
        user = push_store_user(store, name, false);
        return user ? &user->log : NULL;
    case PUSH_LOG_CHANNEL:
        channel = push_store_channel(store, name, false);
        return channel ? &channel->log : NULL;
    default:
        return &push_store_broadcast(store)->log;
    }
}

/* FNV-1a, over the ids as numbers, lane by lane in order. */
static uint64_t mixed(uint64_t digest, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        digest = (digest ^ (value >> (8 * i) & 255)) * UINT64_C(0x100000001b3);
    }
    return digest;
}

static void look_at_messages(const push_heap_t *heap, const push_log_t *log,
                             const push_time_t *now, push_copy_view_t *view)
{
    view->digest = UINT64_C(0xcbf29ce484222325);
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &log->lanes[lane];

        for (uint32_t at = l->tail; at != l->head; at++) {
            const push_message_t *message;
            push_ref_t ref = PUSH_NONE;

            if (push_log_read(heap, log, lane, at, &ref)
                != PUSH_SLOT_MESSAGE) {
                continue;
            }
            message = push_at(heap, ref);
            if (push_message_alive(message, now->mono)
                && !(message->traits & PUSH_TRAIT_NOW)) {
                view->messages++;
                view->digest = mixed(view->digest, message->mid);
            }
        }
    }
}

static void look_at_copy(const push_store_t *store,
                         const push_log_copy_t *copy, push_copy_view_t *view)
{
    view->copied = true;
    view->current = copy->state == PUSH_FOLLOW_LIVE;
    view->behind = push_copy_behind(copy);
    view->asked = push_apply_attended(store, copy);
    view->version = atomic_load(&copy->version);
}

push_status_t push_view_copy(push_store_t *store,
                             const push_audience_t *audience,
                             const push_time_t *now, push_copy_visit_t *visit,
                             void *data)
{
    push_name_t name = {{NULL, 0}, 0, 0};
    push_copy_view_t view = {0};
    const push_log_t *log;

    if (audience->kind != PUSH_LOG_BROADCAST) {
        name = push_store_name(store, audience->name);
    }
    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    log = log_of(store, audience, &name);
    if (log && !push_copy_followed(store, log) && push_log_copy(store, log)) {
        log = NULL;
    }
    if (log) {
        look_at_messages(&store->heaps[name.shard], log, now, &view);
    }
    if (log && push_log_copy(store, log)) {
        look_at_copy(store, push_log_copy(store, log), &view);
    }
    push_shard_leave(store, name.shard);
    if (!log) {
        return PUSH_NOT_FOUND;
    }
    visit(data, &view);
    return PUSH_OK;
}
