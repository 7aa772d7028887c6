#include "stream/loop/wakeups.h"

#include "store/ops/move.h"
#include "stream/loop/stream_set.h"

/* From the wake-up lists of the seat to the queue of streams to be flushed. */

static void enqueue(push_stream_set_t *set, uint32_t index)
{
    push_queue_add(&set->queue, &set->streams, index);
}

static void wakeups_of_device(push_stream_set_t *set, push_device_t *device)
{
    push_ref_t ref = push_ref_of(&set->store->heaps[0], device);
    uint32_t index = push_map_get(&set->devices, ref, PUSH_NO_STREAM);

    if (index != PUSH_NO_STREAM) {
        if (!push_stream_set_end_if_over(set, index)) {
            enqueue(set, index);
        }
    }
    if (device->owner != push_seat_tag(set->seat, set->seat_index)) {
        push_store_wake(set->store, device);
    }
}

void push_stream_set_end_overtaken(push_stream_set_t *set)
{
    if (!atomic_exchange(&set->seat->overtaken, 0)) {
        return;
    }
    for (uint32_t i = 0; i < set->streams.used; i++) {
        if (push_stream_table_at(&set->streams, i)->link.fd >= 0) {
            push_stream_set_end_if_over(set, i);
        }
    }
}

static void wakeups_for_all(push_stream_set_t *set)
{
    for (uint32_t i = 0; i < set->streams.used; i++) {
        if (push_stream_table_at(&set->streams, i)->link.fd >= 0) {
            enqueue(set, i);
        }
    }
}

static void wakeups_of_channel(push_stream_set_t *set, push_channel_t *channel)
{
    push_ref_t ref = push_ref_of(&set->store->heaps[0], channel);
    const push_follower_t *follower = push_followers_of(&set->followers, ref);

    if (ref == set->store->segment->broadcast) {
        wakeups_for_all(set);
        return;
    }
    if (!follower) {
        push_seat_unfollow(channel, set->seat_index);
    }
    while (follower) {
        enqueue(set, follower->stream);
        follower = push_followers_next(&set->followers, follower);
    }
}

void push_stream_set_take_wakeups(push_stream_set_t *set)
{
    const push_seats_t *seats = &set->store->seats;
    push_device_t *device;
    push_channel_t *channel;
    uint32_t list;

    push_seat_take(set->seat);
    list = push_seat_devices(set->seat);
    for (device = push_seat_next_device(seats, &list); device;
         device = push_seat_next_device(seats, &list)) {
        wakeups_of_device(set, device);
    }
    list = push_seat_channels(set->seat);
    channel = push_seat_next_channel(seats, set->seat_index, &list);
    while (channel) {
        wakeups_of_channel(set, channel);
        channel = push_seat_next_channel(seats, set->seat_index, &list);
    }
    push_seat_taken(set->seat);
}
