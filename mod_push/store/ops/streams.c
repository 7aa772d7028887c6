#include "store/ops/streams.h"

#include <string.h>

#include "core/device_away.h"
#include "store/ops/walk.h"
#include "store/shard/shard.h"

typedef struct {
    push_stream_view_t view; /* its texts are those below */
    unsigned shard;
    char user[PUSH_NAME_MAX];
    char label[PUSH_LABELS_MAX];
} entry_t;

typedef struct {
    push_time_t now;
    push_top_t top;
} streams_t;

/* ---- orders ---- */

/* The larger first. */
static int by_number(uint64_t one, uint64_t other)
{
    return one > other ? -1 : one < other;
}

static int by_id(const push_stream_view_t *one,
                 const push_stream_view_t *other)
{
    return memcmp(one->id, other->id, PUSH_CONTEXT_BYTES);
}

static int by_blocked(const void *one, const void *other)
{
    const push_stream_view_t *a = one, *b = other;

    return by_number((uint64_t)a->blocked, (uint64_t)b->blocked)
        ?: by_number(a->behind, b->behind)
        ?: by_id(a, b);
}

static int by_pending(const void *one, const void *other)
{
    const push_stream_view_t *a = one, *b = other;

    return by_number(a->behind, b->behind)
        ?: by_number((uint64_t)a->blocked, (uint64_t)b->blocked)
        ?: by_id(a, b);
}

static bool same(const void *one, const void *other)
{
    return !by_id(one, other);
}

void push_streams_order(push_order_t order, push_top_t *top)
{
    top->compare = order == PUSH_ORDER_PENDING ? by_pending : by_blocked;
    top->same = same;
}

/* ---- the walk ---- */

/* What lies before the cursors, whoever it is for, at no cost. */
static uint64_t behind_of(const push_heap_t *heap, const push_device_t *device)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);
    uint64_t count = 0;

    for (unsigned i = 0; i < push_device_subscriptions_count(device); i++) {
        const push_log_t *log = push_subscription_log(heap, &subscriptions[i]);

        for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
            int32_t ahead = (int32_t)(push_lane_head(&log->lanes[lane])
                                      - subscriptions[i].cursor[lane]);

            count += ahead > 0 ? (uint64_t)ahead : 0;
        }
    }
    return count;
}

static void copy_texts(const push_heap_t *heap, const push_device_t *device,
                       entry_t *entry)
{
    const push_user_t *user = push_at(heap, device->user);
    push_text_t label = push_device_label(heap, device, PUSH_LABEL_DEVICE);

    memcpy(entry->user, user->name, user->name_len);
    memcpy(entry->label, label.at, label.len);
    entry->view.user.len = user->name_len;
    entry->view.label.len = label.len;
}

static void take(void *data, const push_heap_t *heap, const void *node)
{
    streams_t *streams = data;
    const push_device_t *device = node;
    int64_t blocked = push_device_blocked_since(device);
    entry_t entry = {.shard = device->shard};

    if (!(device->traits & PUSH_DEVICE_ONLINE)) {
        return;
    }
    memcpy(entry.view.id, device->id, PUSH_CONTEXT_BYTES);
    entry.view.blocked = blocked ? streams->now.mono - blocked : 0;
    entry.view.behind = behind_of(heap, device);
    if (push_top_wants(&streams->top, &entry)) {
        entry.view.transport = device->traits >> PUSH_DEVICE_TRANSPORT;
        entry.view.since = device->last_seen;
        copy_texts(heap, device, &entry);
        push_top_put(&streams->top, &entry);
    }
}

/* Looks once more, for what costs a walk; false: it is gone. */
static bool complete(push_store_t *store, const streams_t *streams,
                     entry_t *entry)
{
    const push_heap_t *heap = &store->heaps[entry->shard];
    const push_device_t *device;

    if (!push_shard_enter(store, entry->shard)) {
        return false;
    }
    device = push_store_device(store, entry->shard, entry->view.id);
    if (device) {
        entry->view.pending = push_mailbox_pending(
            heap, device, &streams->now, PUSH_SUBSCRIPTION_USER,
            push_device_subscriptions_count(device));
        entry->view.in_flight = push_session_in_flight(device);
    }
    push_shard_leave(store, entry->shard);
    entry->view.user.at = entry->user;
    entry->view.label.at = entry->label;
    return device != NULL;
}

push_status_t push_streams_list(push_store_t *store, const push_view_t *what,
                                const push_visitor_t *visitor)
{
    streams_t streams = {.now = what->now,
                         .top = {.size = sizeof(entry_t),
                                 .limit = what->list.limit}};

    push_streams_order(what->list.order, &streams.top);
    if (!push_top_init(&streams.top)) {
        return PUSH_NO_MEMORY;
    }
    push_walk(store, offsetof(push_shard_t, contexts), take, &streams);
    for (uint32_t i = 0; i < streams.top.count; i++) {
        entry_t *entry = push_top_at(&streams.top, i);

        if (complete(store, &streams, entry)) {
            visitor->stream(visitor->data, &entry->view);
        }
    }
    *what->list.more = streams.top.more;
    push_top_cleanup(&streams.top);
    return PUSH_OK;
}
