#include "store/ops/present.h"

#include "store/shard/shard.h"

/*
 * The users of a shard are walked bucket by bucket, and the lock is given back
 * between.  Should the table grow meanwhile, the users of one bucket of before
 * are in all those whose number is the same modulo the old size: so nobody is
 * given twice, and nobody left out who was there all the time.
 */

#define BUCKETS_AT_ONCE 256u

static push_ref_t connected_channel(push_store_t *store, push_text_t text,
                                    push_status_t *status)
{
    push_name_t name = push_store_name(store, text);
    const push_channel_t *channel;
    push_ref_t ref = PUSH_NONE;

    if (!push_shard_enter(store, name.shard)) {
        *status = PUSH_BUSY;
        return PUSH_NONE;
    }
    channel = push_store_channel(store, &name, false);
    if (channel && atomic_load(&channel->connected)) {
        ref = push_ref_of(&store->heaps[name.shard], channel);
    }
    push_shard_leave(store, name.shard);
    return ref;
}

static bool follows(const push_heap_t *heap, const push_device_t *device,
                    push_ref_t channel)
{
    const push_subscription_t *list = push_device_subscriptions(heap, device);
    unsigned count = push_device_subscriptions_count(device);
    unsigned i = PUSH_SUBSCRIPTION_CHANNELS;

    while (i < count
           && (list[i].log != channel || list[i].joined == PUSH_LEFT)) {
        i++;
    }
    return i < count;
}

static bool is_present(const push_heap_t *heap, const push_user_t *user,
                       push_ref_t channel)
{
    push_ref_t ref = user->devices;

    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        if (device->traits & PUSH_DEVICE_ONLINE
            && follows(heap, device, channel)) {
            return true;
        }
        ref = device->sibling;
    }
    return false;
}

typedef struct {
    push_ref_t channel;
    uint32_t first, size; /* of the buckets, as they were at first */
    push_user_visit_t *visit;
    void *data;
} walk_t;

static void visit_bucket(const push_heap_t *heap, const push_table_t *users,
                         uint32_t bucket, const walk_t *walk)
{
    push_ref_t ref = push_table_bucket(heap, users, bucket);

    while (ref) {
        const push_user_t *user = push_at(heap, ref);

        if (is_present(heap, user, walk->channel)) {
            walk->visit(walk->data, (push_text_t){user->name, user->name_len});
        }
        ref = user->log.node.next;
    }
}

/* Some buckets of a shard; false if it is busy. */
static bool visit_some(push_store_t *store, unsigned shard, walk_t *walk)
{
    const push_heap_t *heap = &store->heaps[shard];
    const push_table_t *users = &store->shards[shard].users;
    uint32_t end = walk->first + BUCKETS_AT_ONCE;

    if (!push_shard_enter(store, shard)) {
        return false;
    }
    if (!walk->size) {
        walk->size = users->mask + 1;
    }
    for (; walk->first < walk->size && walk->first < end; walk->first++) {
        for (uint32_t i = walk->first; i <= users->mask; i += walk->size) {
            visit_bucket(heap, users, i, walk);
        }
    }
    push_shard_leave(store, shard);
    return true;
}

push_status_t push_view_present(push_store_t *store, push_text_t channel,
                                push_user_visit_t *visit, void *data)
{
    push_status_t status = PUSH_OK;
    push_ref_t ref = connected_channel(store, channel, &status);

    for (unsigned i = 0; ref && status == PUSH_OK && i < PUSH_SHARDS; i++) {
        walk_t walk = {.channel = ref, .visit = visit, .data = data};

        do {
            if (!visit_some(store, i, &walk)) {
                status = PUSH_BUSY;
            }
        } while (status == PUSH_OK && walk.first < walk.size);
    }
    return status;
}
