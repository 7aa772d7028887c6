#include "store/forget.h"

#include <stdatomic.h>

#include "store/checkin.h"

/* What a context takes besides its places, with rounding. */
#define CONTEXT_BYTES 512u

static bool is_away(const push_device_t *device)
{
    return !(device->traits & PUSH_DEVICE_ONLINE)
           && !atomic_load(&device->wake);
}

/* A channel counts to the only context that keeps it. */
static uint64_t cost_of(const push_store_t *store, const push_device_t *device)
{
    const push_heap_t *heap = &store->heaps[0];
    const push_sub_t *subs = push_device_subs(heap, device);
    unsigned count = push_device_subs_count(device);
    uint64_t bytes = CONTEXT_BYTES + (uint64_t)count * sizeof(push_sub_t);

    for (unsigned i = PUSH_SUB_CHANNELS; i < count; i++) {
        const push_channel_t *channel = push_at(heap, subs[i].log);

        if (atomic_load(&channel->subscribers) == 1) {
            bytes += sizeof(*channel) + channel->name_len
                     + (uint64_t)store->seats.count * sizeof(uint32_t);
        }
    }
    return bytes;
}

void push_forget_count_away(push_store_t *store, unsigned shard,
                            push_away_t *away)
{
    const push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = PUSH_NONE;

    while (push_table_walk(heap, &store->shards[shard].contexts, &ref)) {
        const push_device_t *device = push_at(heap, ref);

        if (is_away(device)) {
            away->bytes += cost_of(store, device);
            away->oldest = device->left < away->oldest ? device->left
                                                       : away->oldest;
        }
    }
}

uint32_t push_forget_away(push_store_t *store, unsigned shard, int64_t before,
                          const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_shard_t *s = &store->shards[shard];
    push_ref_t ref = push_table_next(heap, &s->contexts, PUSH_NONE);
    uint32_t count = 0;

    while (ref) {
        push_ref_t next = push_table_next(heap, &s->contexts, ref);
        push_device_t *device = push_at(heap, ref);

        if (is_away(device) && device->left < before) {
            s->away_until = now->mono + store->limits.retention;
            PUSH_FAILPOINT("away-noted");
            push_store_drop_device(store, device);
            count++;
        }
        ref = next;
    }
    return count;
}

/* A reactor that has left hears of no channel any more. */
static void forget_links(const push_store_t *store, push_channel_t *channel)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        if (atomic_load(&channel->links[i])
            && atomic_load(&store->seats.seats[i].pid) == PUSH_SEAT_LEFT) {
            push_seat_drop_lists(&store->seats, i);
            atomic_store(&channel->links[i], PUSH_LINK_UNHEARD);
        }
    }
}

static bool is_idle(const push_store_t *store, const push_channel_t *channel)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        if (atomic_load(&channel->links[i])) {
            return false;
        }
    }
    return !atomic_load(&channel->subscribers)
           && !atomic_load(&channel->arriving)
           && push_log_empty(&channel->log);
}

void push_forget_channels(push_store_t *store, unsigned shard)
{
    push_heap_t *heap = &store->heaps[shard];
    push_table_t *channels = &store->shards[shard].channels;
    push_ref_t ref = push_table_next(heap, channels, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, channels, ref);
        push_channel_t *channel = push_at(heap, ref);

        forget_links(store, channel);
        if (is_idle(store, channel)) {
            push_node_be(channel, PUSH_NODE_NONE);
            PUSH_FAILPOINT("channel-died");
            push_log_cleanup(heap, &channel->log);
            push_table_remove(heap, channels, ref);
            heap->retire(heap, ref); /* reactors read its name */
        }
        ref = next;
    }
    if (shard == 0) {
        forget_links(store, push_store_broadcast(store));
    }
}

bool push_forget_may_know(const push_store_t *store, unsigned shard,
                          const push_time_t *now)
{
    return store->shards[shard].away_until > now->mono;
}
