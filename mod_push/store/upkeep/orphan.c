#include "store/upkeep/orphan.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ROOM_MIN 256u

/* The devices and channels that are to be woken again. */
typedef struct {
    push_ref_t *refs;
    size_t count, room;
} found_t;

static void found_add(found_t *found, const push_store_t *store, void *object)
{
    if (found->count == found->room) {
        size_t room = found->room ? found->room * 2 : ROOM_MIN;
        push_ref_t *refs = realloc(found->refs, room * sizeof(*refs));

        if (!refs) {
            return; /* its next heartbeat will find what waits */
        }
        found->refs = refs;
        found->room = room;
    }
    found->refs[found->count++] = push_ref_of(&store->heaps[0], object);
}

static void empty_seat(push_store_t *store, unsigned seat, found_t *devices,
                       found_t *channels)
{
    const push_seats_t *seats = &store->seats;
    uint32_t list = push_seat_devices(&seats->seats[seat]);
    push_device_t *device = push_seat_next_device(seats, &list);
    push_channel_t *channel;

    while (device) {
        found_add(devices, store, device);
        device = push_seat_next_device(seats, &list);
    }
    list = push_seat_channels(&seats->seats[seat]);
    channel = push_seat_next_channel(seats, seat, &list);
    while (channel) {
        found_add(channels, store, channel);
        channel = push_seat_next_channel(seats, seat, &list);
    }
}

/* True if a reactor may have taken a list before we emptied it. */
static bool somebody_takes(const push_store_t *store)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        const push_seat_t *seat = &store->seats.seats[i];

        if (atomic_load(&seat->taking) && !push_seat_vacant(seat)) {
            return true;
        }
    }
    return false;
}

/* The lists are empty: who says to stand in one stands in none. */
static void find_devices(push_store_t *store, unsigned shard, found_t *found)
{
    const push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = PUSH_NONE;

    while (push_table_walk(heap, &store->shards[shard].contexts, &ref)) {
        push_device_t *device = push_at(heap, ref);

        if (atomic_exchange(&device->wake, 0)) {
            found_add(found, store, device);
        }
    }
}

static void find_in_channel(push_store_t *store, push_channel_t *channel,
                            found_t *found)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        if (atomic_load(&channel->links[i]) > PUSH_LINK_IDLE) {
            atomic_store(&channel->links[i], PUSH_LINK_IDLE);
            found_add(found, store, channel);
        }
    }
}

static void find_channels(push_store_t *store, unsigned shard, found_t *found)
{
    const push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = PUSH_NONE;

    while (push_table_walk(heap, &store->shards[shard].channels, &ref)) {
        find_in_channel(store, push_at(heap, ref), found);
    }
    if (!shard) {
        find_in_channel(store, push_store_broadcast(store), found);
    }
}

static void wake_all(push_store_t *store, const found_t *devices,
                     const found_t *channels)
{
    for (size_t i = 0; i < devices->count; i++) {
        push_seat_wake_device(&store->seats,
                              push_store_device_at(store, devices->refs[i]));
    }
    for (size_t i = 0; i < channels->count; i++) {
        push_seat_wake_channel(&store->seats,
                               push_at(&store->heaps[0], channels->refs[i]));
    }
}

void push_orphans_adopt(push_store_t *store, unsigned shard)
{
    found_t devices = {0};
    found_t channels = {0};

    for (uint32_t i = 0; i < store->seats.count; i++) {
        empty_seat(store, i, &devices, &channels);
    }
    if (!somebody_takes(store)) {
        find_devices(store, shard, &devices);
        find_channels(store, shard, &channels);
        PUSH_FAILPOINT("orphans-found");
        store->shards[shard].orphans = 0;
    }
    wake_all(store, &devices, &channels);
    free(devices.refs);
    free(channels.refs);
}

void push_orphan_device(push_store_t *store, push_device_t *device)
{
    unsigned seat = device->owner & 0xffffu;

    if (atomic_load(&device->wake) && seat < store->seats.count
        && push_seat_vacant(&store->seats.seats[seat])) {
        push_seat_drop_lists(&store->seats, seat);
        if (atomic_load(&device->wake)) {
            /* In no list, or in that of another seat, which goes on with it. */
            store->shards[device->shard].orphans = 1;
        }
    }
}
