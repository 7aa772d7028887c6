#include "store/ops/follow_walk.h"

#include <stdatomic.h>
#include <string.h>

#include "store/ops/follow_internal.h"
#include "store/shard/shard.h"

/* ---- one log: with the lock of its shard ---- */

static push_text_t name_of(const push_log_t *log)
{
    if (push_log_kind(log) == PUSH_LOG_USER) {
        const push_user_t *user = (const push_user_t *)log;

        return (push_text_t){user->name, user->name_len};
    }
    return push_channel_name((const push_channel_t *)log);
}

static void view_name(const push_log_t *log, push_follow_view_t *view)
{
    static const char kinds[] = {[PUSH_LOG_USER] = 'u',
                                 [PUSH_LOG_CHANNEL] = 'c',
                                 [PUSH_LOG_BROADCAST] = 'b'};
    push_text_t name = name_of(log);

    view->log[0] = kinds[push_log_kind(log)];
    if (name.len) {
        memcpy(view->log + 1, name.at, name.len);
    }
    view->log_len = 1 + name.len;
}

static void view_devices(const push_heap_t *heap, const push_log_t *log,
                         push_follow_view_t *view)
{
    const push_channel_t *channel = (const push_channel_t *)log;
    push_ref_t ref;

    if (push_log_kind(log) != PUSH_LOG_USER) {
        view->connected = atomic_load(&channel->connected);
        view->subscribers = atomic_load(&channel->subscribers);
        return;
    }
    ref = ((const push_user_t *)log)->devices;
    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        view->connected += (device->traits & PUSH_DEVICE_ONLINE) != 0;
        view->subscribers++;
        ref = device->sibling;
    }
}

static void view_log(const push_store_t *store, const push_log_t *log,
                     const push_log_copy_t *copy, push_follow_view_t *view)
{
    *view = (push_follow_view_t){
        .state = (push_follow_state_t)copy->state,
        .version = atomic_load(&copy->version),
        .behind = push_copy_behind(copy),
        .unattended = push_follow_wants_errand(store, copy),
        .idle = push_follow_is_idle(log)
                && (copy->state == PUSH_FOLLOW_LIVE
                    || push_follow_wants_errand(store, copy))};
    view_name(log, view);
    view_devices(&store->heaps[0], log, view);
}

push_status_t push_follow_read(push_store_t *store, push_text_t log,
                               push_follow_view_t *view)
{
    push_follow_found_t found;
    push_status_t status = push_follow_enter(store, log, &found);

    if (status == PUSH_OK) {
        view_log(store, found.log, found.copy, view);
        push_shard_leave(store, found.name.shard);
    }
    return status;
}

/* ---- all of a partition ---- */

/* A walk with its shard locked. */
typedef struct {
    push_store_t *store;
    const push_heap_t *heap;
    push_follow_walk_t *walk;
    push_follow_view_t *views;
    unsigned room;
    unsigned *count;
} walking_t;

static bool is_wanted(const walking_t *w, const push_log_copy_t *copy,
                      const push_follow_view_t *view)
{
    return copy->part == (w->walk->partition & 15)
           && (!w->walk->what
               || (w->walk->what & PUSH_FOLLOW_UNATTENDED && view->unattended)
               || (w->walk->what & PUSH_FOLLOW_IDLE && view->idle));
}

/* How many it takes, or would take. */
static unsigned take(walking_t *w, const push_log_t *log)
{
    const push_log_copy_t *copy = push_log_copy(w->store, log);
    push_follow_view_t view;

    if (copy->state == PUSH_FOLLOW_NOT) {
        return 0;
    }
    view_log(w->store, log, copy, &view);
    if (!is_wanted(w, copy, &view)) {
        return 0;
    }
    if (*w->count < w->room) {
        w->views[(*w->count)++] = view;
    }
    return 1;
}

/* False, with nothing taken: not all of the bucket found room. */
static bool take_bucket(walking_t *w, const push_table_t *table)
{
    unsigned before = *w->count, wanted = 0;
    push_ref_t ref = push_table_bucket(w->heap, table, w->walk->bucket);

    while (ref) {
        const push_log_t *log = push_at(w->heap, ref);

        wanted += take(w, log);
        ref = log->node.next;
    }
    if (before + wanted <= w->room || !before) {
        return true;
    }
    *w->count = before;
    return false;
}

/* So many buckets at a time, then others may have the lock. */
#define BUCKETS_MAX 1024u

/* A bucket that is split as the table grows stays in front of the walk. */
static void take_table(walking_t *w, const push_table_t *table)
{
    for (unsigned i = 0; i < BUCKETS_MAX; i++) {
        if (w->walk->bucket > table->mask) {
            w->walk->part++;
            w->walk->bucket = 0;
            return;
        }
        if (!take_bucket(w, table)) {
            return;
        }
        w->walk->bucket++;
    }
}

enum { PART_USERS, PART_CHANNELS, PART_BROADCAST, PART_END };

static void take_part(walking_t *w, unsigned shard)
{
    const push_shard_t *s = &w->store->shards[shard];

    switch (w->walk->part) {
    case PART_USERS:
        take_table(w, &s->users);
        break;
    case PART_CHANNELS:
        take_table(w, &s->channels);
        break;
    default:
        if (!shard && *w->count < w->room) {
            take(w, &push_store_broadcast(w->store)->log);
        }
        w->walk->part += shard || *w->count < w->room;
        break;
    }
}

push_status_t push_follow_walk(push_store_t *store, push_follow_walk_t *walk,
                               push_follow_view_t *views, unsigned room,
                               unsigned *count)
{
    unsigned shard = walk->partition >> 4;
    walking_t w = {.store = store,
                   .heap = &store->heaps[shard],
                   .walk = walk,
                   .views = views,
                   .room = room,
                   .count = count};

    *count = 0;
    while (!walk->done && *count < room) {
        uint32_t bucket = walk->bucket, part = walk->part;

        if (!push_shard_enter(store, shard)) {
            return *count ? PUSH_OK : PUSH_BUSY;
        }
        take_part(&w, shard);
        push_shard_leave(store, shard);
        walk->done = walk->part == PART_END;
        if (bucket == walk->bucket && part == walk->part) {
            break;
        }
    }
    return PUSH_OK;
}
