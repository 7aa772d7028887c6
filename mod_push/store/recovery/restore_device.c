#include <stdatomic.h>
#include <string.h>

#include "store/ops/rebuild.h"
#include "store/recovery/restore_internal.h"

/* Device contexts, once the logs are there that they subscribe to. */

typedef struct {
    const push_restore_t *restore;
    push_store_t *store;
    push_heap_t *heap; /* of the user's shard */
    push_name_t name;
    const push_device_record_t *record;
    push_device_t *device;
} arrival_t;

/* ---- what it has missed ---- */

/* The first loss of the log whose mid is not below this one. */
static size_t first_lost(const push_losts_t *lost, push_ref_t log,
                         uint64_t mid)
{
    size_t low = 0;
    size_t high = lost->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const push_lost_t *at = &lost->at[middle];

        if (at->log < log || (at->log == log && at->mid < mid)) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

static bool settled(const push_device_record_t *record, uint64_t mid)
{
    push_settled_t at;

    for (unsigned i = 0; i < push_device_settled_count(record); i++) {
        memcpy(&at, record->settled.at + i * sizeof(at), sizeof(at));
        if (at.mid == mid) {
            return true;
        }
    }
    return false;
}

static bool is_for(const push_device_record_t *record, const push_lost_t *lost)
{
    push_text_t id = record->labels[PUSH_LABEL_DEVICE];

    return !lost->device.len
           || (lost->device.len == id.len
               && !memcmp(lost->device.at, id.at, id.len));
}

static void count_lost(const arrival_t *a, const push_lost_t *lost)
{
    if (lost->reason == PUSH_GAP_STATE_LOST) {
        a->device->losses.count[PUSH_GAP_MEMORY][lost->lane]++;
        a->device->traits |= PUSH_DEVICE_STATE_LOST;
    }
    else {
        a->device->losses.count[lost->reason][lost->lane]++;
    }
}

static void count_lost_of_user(const arrival_t *a)
{
    const push_losts_t *lost = &a->restore->lost;
    size_t i = first_lost(lost, a->device->user, 0);

    for (; i < lost->count && lost->at[i].log == a->device->user; i++) {
        if (is_for(a->record, &lost->at[i])
            && !settled(a->record, lost->at[i].mid)) {
            count_lost(a, &lost->at[i]);
        }
    }
}

static void count_lost_of(const arrival_t *a, push_ref_t log,
                          const push_subscription_record_t *saved)
{
    const push_losts_t *lost = &a->restore->lost;
    size_t i = first_lost(lost, log, saved->joined);

    for (; i < lost->count && lost->at[i].log == log; i++) {
        if (lost->at[i].mid >= saved->next[lost->at[i].lane]) {
            count_lost(a, &lost->at[i]);
        }
    }
}

/* ---- its subscriptions ---- */

static push_channel_t *channel_of(const arrival_t *a,
                                  const push_subscription_record_t *saved)
{
    push_name_t name;

    if (!saved->name.len) {
        return push_store_broadcast(a->store);
    }
    name = push_store_name(a->store, saved->name);
    return push_store_channel(a->store, &name, true);
}

static void restore_subscription(const arrival_t *a, push_channel_t *channel,
                                 const push_subscription_record_t *saved)
{
    unsigned count = push_device_subscriptions_count(a->device);
    push_subscription_t *subscription = &push_device_subscriptions(
        a->heap, a->device)[count];
    push_ref_t log = push_ref_of(a->heap, channel);

    push_rebuild_subscription(a->heap, &channel->log, saved, subscription);
    push_device_set_subscriptions(
        a->device, push_device_subscriptions_ref(a->device), count + 1);
    atomic_fetch_add(&channel->subscribers, 1);
    count_lost_of(a, log, saved);
}

static void restore_subscriptions(const arrival_t *a)
{
    for (unsigned i = 0; i < a->record->subscriptions_count; i++) {
        const push_subscription_record_t *saved = &a->record->subscriptions[i];
        push_channel_t *channel = channel_of(a, saved);

        if (channel) {
            restore_subscription(a, channel, saved);
        }
    }
}

/* ---- the device ---- */

/* Allocates the context, its labels, and all its subscriptions. */
static bool make_device(arrival_t *a)
{
    push_heap_t *heap = a->heap;
    unsigned total = PUSH_SUBSCRIPTION_BROADCAST
                     + a->record->subscriptions_count;
    push_ref_t ref = heap->alloc(heap, sizeof(push_device_t), PUSH_NODE);
    push_ref_t subscriptions;

    if (!ref) {
        return false;
    }
    a->device = push_at(heap, ref);
    memset(a->device, 0, sizeof(*a->device));
    subscriptions = heap->alloc(heap, total * sizeof(push_subscription_t),
                                PUSH_PART);
    if (subscriptions
        && push_device_set_labels(heap, a->device, a->record->labels)
               == PUSH_OK) {
        push_device_set_subscriptions(a->device, subscriptions,
                                      PUSH_SUBSCRIPTION_BROADCAST);
        return true;
    }
    if (subscriptions) {
        heap->release(heap, subscriptions);
    }
    heap->release(heap, ref);
    return false;
}

static bool restore_device(arrival_t *a)
{
    push_user_t *user = push_store_user(a->store, &a->name, true);

    if (!user || user->devices_count >= PUSH_DEVICES_MAX || !make_device(a)) {
        return false;
    }
    push_rebuild_fields(a->device, a->name.shard, a->record, &a->restore->now);
    push_user_adopt(a->heap, user, a->device, &a->restore->now);
    a->device->losses = a->record->losses;
    count_lost_of_user(a);
    if (a->restore->torn) {
        count_lost(a, &(push_lost_t){.lane = PUSH_NORMAL,
                                     .reason = PUSH_GAP_STATE_LOST});
    }
    restore_subscriptions(a);
    push_rebuild_settled(a->heap, a->device, a->record, &a->restore->now);
    push_node_be(a->device, PUSH_NODE_DEVICE);
    push_table_add(a->heap, &a->store->shards[a->name.shard].contexts,
                   push_ref_of(a->heap, a->device));
    return true;
}

/* There is no memory for the context: its device is told of a loss. */
static void tell_who_comes(const arrival_t *a)
{
    a->store->shards[a->name.shard].away_until = a->restore->now.mono
                                                 + a->store->limits.retention;
}

void push_restore_devices(push_restore_t *restore, push_store_t *store)
{
    for (size_t i = 0; i < restore->devices.count; i++) {
        const push_raw_t *raw = &restore->devices.at[i];
        push_device_record_t record;
        arrival_t a = {.restore = restore, .store = store, .record = &record};

        if (!push_device_read(raw->key, raw->value, &record)
            || !push_rebuild_is_genuine(&record)
            || push_store_device(
                store, push_store_name(store, record.user).shard, record.id)) {
            restore->restored.invalid++;
            continue;
        }
        if (raw->expires && raw->expires <= restore->now.wall) {
            restore->restored.expired++;
            continue;
        }
        a.name = push_store_name(store, record.user);
        a.heap = &store->heaps[a.name.shard];
        if (restore_device(&a)) {
            restore->restored.devices++;
        }
        else {
            tell_who_comes(&a);
        }
    }
}
