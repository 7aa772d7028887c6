#include "stream/loop/news.h"

#include "stream/loop/keeper.h"

/* From the wake-up lists of the seat to the queue of streams to be flushed. */

static void enqueue(push_keeper_t *keeper, uint32_t index)
{
    push_queue_add(&keeper->queue, &keeper->streams, index);
}

static void news_of_device(push_keeper_t *keeper, push_device_t *device)
{
    push_ref_t ref = push_ref_of(&keeper->store->heaps[0], device);
    uint32_t index = push_map_get(&keeper->devices, ref, PUSH_NO_STREAM);

    if (index != PUSH_NO_STREAM) {
        if (!push_keeper_end_if_over(keeper, index)) {
            enqueue(keeper, index);
        }
    }
    if (device->child != push_seat_tag(keeper->seat, keeper->seat_index)) {
        push_store_wake(keeper->store, device);
    }
}

void push_keeper_end_overtaken(push_keeper_t *keeper)
{
    if (!atomic_exchange(&keeper->seat->overtaken, 0)) {
        return;
    }
    for (uint32_t i = 0; i < keeper->streams.used; i++) {
        if (push_streams_at(&keeper->streams, i)->link.fd >= 0) {
            push_keeper_end_if_over(keeper, i);
        }
    }
}

static void news_for_all(push_keeper_t *keeper)
{
    for (uint32_t i = 0; i < keeper->streams.used; i++) {
        if (push_streams_at(&keeper->streams, i)->link.fd >= 0) {
            enqueue(keeper, i);
        }
    }
}

static void news_of_channel(push_keeper_t *keeper, push_channel_t *channel)
{
    push_ref_t ref = push_ref_of(&keeper->store->heaps[0], channel);
    const push_follower_t *follower = push_followers_of(&keeper->followers,
                                                        ref);

    if (ref == keeper->store->segment->broadcast) {
        news_for_all(keeper);
        return;
    }
    if (!follower) {
        push_seat_unfollow(channel, keeper->seat_index);
    }
    while (follower) {
        enqueue(keeper, follower->stream);
        follower = push_followers_next(&keeper->followers, follower);
    }
}

void push_keeper_take_news(push_keeper_t *keeper)
{
    const push_seats_t *seats = &keeper->store->seats;
    push_device_t *device;
    push_channel_t *channel;
    uint32_t list;

    push_seat_take(keeper->seat);
    list = push_seat_devices(keeper->seat);
    for (device = push_seat_next_device(seats, &list); device;
         device = push_seat_next_device(seats, &list)) {
        news_of_device(keeper, device);
    }
    list = push_seat_channels(keeper->seat);
    channel = push_seat_next_channel(seats, keeper->seat_index, &list);
    while (channel) {
        news_of_channel(keeper, channel);
        channel = push_seat_next_channel(seats, keeper->seat_index, &list);
    }
    push_seat_taken(keeper->seat);
}
