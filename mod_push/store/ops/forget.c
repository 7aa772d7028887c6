#include "store/ops/forget.h"

#include <stdatomic.h>
#include <unistd.h>

#include "store/shard/context.h"
#include "store/disk/forgot.h"
#include "store/disk/record.h"

/* The bytes that a context takes besides its subscriptions, with rounding. */
#define CONTEXT_BYTES 512u

/*
 * A context that is forgotten here is forgotten on disk, and reported after a
 * restart too.
 */
static void note_shard(push_store_t *store, unsigned shard)
{
    if (store->journal) {
        push_shard_note(store, shard, push_forgot_refresh(shard));
    }
}

static void forget_device(push_store_t *store, push_device_t *device)
{
    if (store->journal) {
        push_shard_note(store, device->shard,
                        push_device_refresh(device->id, device->shard));
    }
    push_store_drop_device(store, device);
}

/* Without its context a queue would begin anew with what is done. */
static bool is_away(const push_heap_t *heap, const push_device_t *device)
{
    return !(device->traits & PUSH_DEVICE_ONLINE)
           && !atomic_load(&device->wake)
           && !push_user_is_queue(push_at(heap, device->user));
}

/* A channel counts to the only context that keeps it. */
static uint64_t cost_of(const push_store_t *store, const push_device_t *device)
{
    const push_heap_t *heap = &store->heaps[0];
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);
    unsigned count = push_device_subscriptions_count(device);
    uint64_t bytes = CONTEXT_BYTES
                     + (uint64_t)count * sizeof(push_subscription_t);

    for (unsigned i = PUSH_SUBSCRIPTION_CHANNELS; i < count; i++) {
        const push_channel_t *channel = push_at(heap, subscriptions[i].log);

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

        if (is_away(heap, device)) {
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

        if (is_away(heap, device) && device->left < before) {
            s->away_until = now->mono + store->limits.retention;
            PUSH_FAILPOINT("away-noted");
            forget_device(store, device);
            count++;
        }
        ref = next;
    }
    if (count) {
        note_shard(store, shard);
    }
    return count;
}

/* ---- users of whom nothing is left but what was lost ---- */

#define CLASSES_AN_OCTAVE 8u

/* The class of an age: the three bits behind its first one, and where it is. */
static unsigned class_of(uint32_t age)
{
    unsigned octave = 0;

    while (age >= 2 * CLASSES_AN_OCTAVE) {
        age /= 2;
        octave++;
    }
    return octave * CLASSES_AN_OCTAVE + age;
}

static uint64_t bytes_of(const push_user_t *user)
{
    return push_slab_size_of(sizeof(*user) + user->name_len);
}

void push_forget_begin(push_remnants_t *remnants, const push_time_t *now)
{
    *remnants = (push_remnants_t){.now = now};
}

void push_forget_count_remnant(push_store_t *store, unsigned shard,
                               push_user_t *user, push_remnants_t *remnants)
{
    uint64_t bytes = bytes_of(user);

    if (user->lost_until <= remnants->now->mono) {
        push_store_drop_user(store, shard, user);
        return;
    }
    push_log_cleanup(&store->heaps[shard], &user->log);
    remnants->bytes += bytes;
    remnants->by_age[class_of(push_user_lost_age(user, remnants->now))] +=
        bytes;
}

bool push_forget_choose(push_remnants_t *remnants, uint64_t bytes)
{
    unsigned edge = PUSH_AGE_CLASSES - 1;
    uint64_t excess;

    if (remnants->bytes <= bytes) {
        return false;
    }
    excess = remnants->bytes - bytes;
    while (edge && remnants->by_age[edge] < excess) {
        excess -= remnants->by_age[edge--];
    }
    remnants->edge = edge;
    remnants->excess = excess;
    return true;
}

/* Those of the class at the edge go until there is no excess. */
static bool is_chosen(const push_remnants_t *remnants, unsigned class)
{
    return class > remnants->edge
           || (class == remnants->edge && remnants->excess);
}

static void forget_remnant(push_store_t *store, unsigned shard,
                           push_user_t *user, push_remnants_t *remnants)
{
    unsigned class = class_of(push_user_lost_age(user, remnants->now));
    uint64_t bytes = bytes_of(user);

    if (!is_chosen(remnants, class)) {
        return;
    }
    push_store_drop_user(store, shard, user);
    remnants->bytes -= bytes < remnants->bytes ? bytes : remnants->bytes;
    if (class == remnants->edge) {
        remnants->excess -= bytes < remnants->excess ? bytes
                                                     : remnants->excess;
    }
}

void push_forget_remnants(push_store_t *store, unsigned shard,
                          push_remnants_t *remnants)
{
    push_heap_t *heap = &store->heaps[shard];
    const push_shard_t *s = &store->shards[shard];
    const push_table_t *users = &s->users;
    int64_t before = s->strangers_until;
    push_ref_t ref = push_table_next(heap, users, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, users, ref);
        push_user_t *user = push_at(heap, ref);

        if (push_forget_is_remnant(store, user)) {
            forget_remnant(store, shard, user, remnants);
        }
        ref = next;
    }
    if (s->strangers_until != before) {
        note_shard(store, shard);
    }
}

/* ---- channels ---- */

/* A reactor that has left hears of no channel any more. */
static void forget_links(const push_store_t *store, push_channel_t *channel)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        if (atomic_load(&channel->links[i])
            && push_seat_borrow(&store->seats, i, (uint32_t)getpid())) {
            push_seat_drop_lists(&store->seats, i);
            atomic_store(&channel->links[i], PUSH_LINK_UNHEARD);
            push_seat_return(&store->seats, i);
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
    return !(store->presence && channel->occupied)
           && !atomic_load(&channel->subscribers)
           && !atomic_load(&channel->arriving) && push_log_empty(&channel->log)
           && !push_copy_followed(store, &channel->log);
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
            uint32_t feed = push_feed_bit(push_channel_name(channel));

            push_node_be(channel, PUSH_NODE_NONE);
            PUSH_FAILPOINT("channel-died");
            push_log_cleanup(heap, &channel->log);
            push_table_remove(heap, channels, ref);
            atomic_fetch_and(&store->segment->feeds.known, ~feed);
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
