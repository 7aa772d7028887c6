#include "store/upkeep/recount.h"
#include "store/shard/shard.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ROOM_MIN 1024u

/* ---- what was counted, by channel: in memory of this process ---- */

typedef struct {
    push_ref_t channel;
    uint32_t subscribers, connected;
} tally_t;

typedef struct {
    tally_t *tallies; /* a hash table, half empty */
    uint32_t mask;
    push_address_tally_t *addresses;
} tallies_t;

static tally_t *tally_of(const tallies_t *all, push_ref_t channel)
{
    uint32_t i = channel * 2654435761u & all->mask;

    while (all->tallies[i].channel && all->tallies[i].channel != channel) {
        i = (i + 1) & all->mask;
    }
    return &all->tallies[i];
}

static bool tallies_init(push_store_t *store, tallies_t *all)
{
    uint64_t channels = 1; /* the broadcast */
    uint64_t room = ROOM_MIN;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        channels += store->shards[i].channels.count;
    }
    while (room < 2 * channels) {
        room *= 2;
    }
    all->tallies = calloc(room, sizeof(tally_t));
    all->mask = (uint32_t)(room - 1);
    all->addresses = calloc(1, sizeof(*all->addresses));
    return all->tallies && all->addresses;
}

static void tallies_cleanup(const tallies_t *all)
{
    free(all->tallies);
    free(all->addresses);
}

/* ---- with the locks of all shards ---- */

static void tally_device(push_store_t *store, tallies_t *all,
                         const push_device_t *device)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        &store->heaps[0], device);

    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        tally_t *tally = tally_of(all, subscriptions[i].log);

        tally->channel = subscriptions[i].log;
        tally->subscribers++;
        tally->connected += device->traits & PUSH_DEVICE_ONLINE;
    }
    if (device->traits & PUSH_DEVICE_ONLINE) {
        push_guard_tally(all->addresses, device->address);
    }
}

static bool tally_all(push_store_t *store, tallies_t *all)
{
    if (!tallies_init(store, all)) {
        return false;
    }
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        const push_heap_t *heap = &store->heaps[i];
        push_ref_t ref = PUSH_NONE;

        while (push_table_walk(heap, &store->shards[i].contexts, &ref)) {
            tally_device(store, all, push_at(heap, ref));
        }
    }
    return true;
}

static void correct(push_channel_t *channel, const tally_t *tally)
{
    atomic_store(&channel->subscribers, tally->subscribers);
    PUSH_FAILPOINT("recount-subscribers");
    atomic_store(&channel->connected, tally->connected);
}

static void correct_all(push_store_t *store, const tallies_t *all)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        const push_heap_t *heap = &store->heaps[i];
        push_ref_t ref = PUSH_NONE;

        while (push_table_walk(heap, &store->shards[i].channels, &ref)) {
            correct(push_at(heap, ref), tally_of(all, ref));
        }
    }
    correct(push_store_broadcast(store),
            tally_of(all, store->segment->broadcast));
    if (store->guard) {
        PUSH_FAILPOINT("recount-addresses");
        push_guard_set_addresses(store->guard, all->addresses);
    }
}

static bool checkins_under_way(const push_store_t *store)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        if (atomic_load(&store->seats.seats[i].checkins)) {
            return true;
        }
    }
    return atomic_load(&store->segment->checkins) != 0;
}

/* Nobody is on the way: what says so was left behind by the dead. */
static void forget_arriving(push_store_t *store)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        const push_heap_t *heap = &store->heaps[i];
        push_ref_t ref = PUSH_NONE;

        while (push_table_walk(heap, &store->shards[i].channels, &ref)) {
            push_channel_t *channel = push_at(heap, ref);

            atomic_store(&channel->arriving, 0);
            PUSH_FAILPOINT("recount-arriving");
        }
    }
}

static void recount(push_store_t *store, uint32_t wanted)
{
    tallies_t all;

    if (wanted & PUSH_RECOUNT_SUBSCRIPTIONS) {
        bool counted = tally_all(store, &all);

        if (counted) {
            correct_all(store, &all);
        }
        tallies_cleanup(&all);
        if (!counted) {
            return;
        }
        wanted &= ~PUSH_RECOUNT_SUBSCRIPTIONS;
    }
    if (!checkins_under_way(store)) {
        forget_arriving(store);
        wanted = 0;
    }
    PUSH_FAILPOINT("recount-done");
    atomic_store(&store->segment->recount, wanted);
}

void push_recount(push_store_t *store)
{
    uint32_t wanted = atomic_load(&store->segment->recount);
    unsigned entered = 0;

    if (!wanted
        || (wanted == PUSH_RECOUNT_ARRIVING && checkins_under_way(store))) {
        return;
    }
    while (entered < PUSH_SHARDS && push_shard_enter(store, entered)) {
        entered++;
    }
    if (entered == PUSH_SHARDS) {
        /* A repair on the way here may have asked for more. */
        recount(store, atomic_load(&store->segment->recount));
    }
    while (entered) {
        push_shard_leave(store, --entered);
    }
}
