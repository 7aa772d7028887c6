#include "store/ops/unfollow.h"

#include <stdatomic.h>
#include <string.h>

#include "store/ops/apply_internal.h"
#include "store/ops/follow_internal.h"
#include "store/shard/assigned.h"
#include "store/shard/shard.h"

/* Logs that nobody here needs any more. */

bool push_follow_is_idle(const push_log_t *log)
{
    const push_channel_t *channel = (const push_channel_t *)log;

    switch (push_log_kind(log)) {
    case PUSH_LOG_USER:
        return !((const push_user_t *)log)->devices;
    case PUSH_LOG_CHANNEL:
        return !atomic_load(&channel->subscribers)
               && !atomic_load(&channel->arriving);
    default:
        return false;
    }
}

/* LEAVING comes last: who dies before has changed nothing. */
static push_status_t begin_leaving(push_store_t *store,
                                   push_follow_found_t *found,
                                   push_follow_t *follow)
{
    push_log_copy_t *copy = found->copy;
    bool under_way = copy->state != PUSH_FOLLOW_LIVE || push_copy_behind(copy);

    if (!push_follow_is_idle(found->log)) {
        return PUSH_OVER;
    }
    if (!under_way || !push_apply_attended(store, copy)) {
        push_follow_attend(store, copy, follow);
        copy->state = PUSH_FOLLOW_LEAVING;
        PUSH_FAILPOINT("cluster-leaving");
    }
    follow->state = (push_follow_state_t)copy->state;
    follow->since = atomic_load(&copy->version);
    return PUSH_OK;
}

push_status_t push_follow_leave(push_store_t *store, push_text_t log,
                                push_follow_t *follow)
{
    push_follow_found_t found;
    push_status_t status;

    *follow = (push_follow_t){.state = PUSH_FOLLOW_NOT};
    status = push_follow_enter(store, log, &found);
    if (status == PUSH_OK) {
        status = begin_leaving(store, &found, follow);
        push_shard_leave(store, found.name.shard);
    }
    return status;
}

/*
 * A channel may still stand in the list of a reactor: it goes by the sweep,
 * which knows when it does not.
 */
static void forget(push_follow_found_t *found)
{
    push_store_t *store = found->store;
    push_log_t *log = found->log;

    *found->copy = (push_log_copy_t){.part = found->copy->part};
    PUSH_FAILPOINT("cluster-left");
    push_log_cleanup(&store->heaps[found->name.shard], log);
    if (push_log_kind(log) == PUSH_LOG_USER) {
        ((push_user_t *)log)->lost_until = 0;
        push_assigned_forget(store, &found->name);
        push_store_drop_user(store, found->name.shard, (push_user_t *)log);
    }
}

/* The cluster may think that it is followed: what came meanwhile is asked. */
static void stay(push_log_copy_t *copy)
{
    if (!push_copy_behind(copy)) {
        copy->dropped = atomic_load(&copy->version) + 1;
    }
    PUSH_FAILPOINT("cluster-stays");
    copy->state = PUSH_FOLLOW_LIVE;
    push_follow_leave_alone(copy);
}

push_status_t push_follow_left(push_store_t *store, push_text_t log,
                               uint32_t errand, bool left)
{
    push_follow_found_t found;
    push_status_t status = push_follow_enter(store, log, &found);

    if (status != PUSH_OK) {
        return status;
    }
    if (found.copy->state != PUSH_FOLLOW_LEAVING
        || found.copy->errand != errand) {
        status = PUSH_STALE;
    }
    else if (left && push_follow_is_idle(found.log)) {
        forget(&found);
    }
    else {
        stay(found.copy);
    }
    push_shard_leave(store, found.name.shard);
    return status;
}
