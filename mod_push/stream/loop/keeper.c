#include "stream/loop/keeper.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/shard/hold.h"
#include "store/shm/room.h"
#include "store/shm/clock.h"

#define LATER_MS      5u     /* until a locked mailbox is tried again */
#define SUPERSEDED_MS 30000u /* retry of a client that was taken over from */
#define EXPIRED_MS    1000u  /* and of one that may come again; jittered */

#define TURNED_AWAY_MS 10000u /* of one for which there is no room; likewise */

static push_stream_t *stream_at(const push_keeper_t *keeper, uint32_t index)
{
    return push_streams_at(&keeper->streams, index);
}

void push_keeper_look_at_clock(push_keeper_t *keeper)
{
    keeper->now = push_clock_now();
    keeper->ms = (uint32_t)(keeper->now.mono - keeper->start);
}

static void enqueue(push_keeper_t *keeper, uint32_t index)
{
    push_queue_add(&keeper->queue, &keeper->streams, index);
}

static void unfollow(push_keeper_t *keeper, push_stream_t *stream)
{
    while (stream->follows) {
        push_ref_t channel;

        if (push_followers_drop(&keeper->followers, &stream->follows,
                                &channel)) {
            push_seat_unfollow(push_at(&keeper->store->heaps[0], channel),
                               keeper->seat_index);
        }
    }
}

static void report_end(push_keeper_t *keeper, const push_stream_t *stream,
                       push_end_t why)
{
    push_ended_t ended = {
        .ticket = {.device = stream->device, .gen = stream->gen},
        .why = why,
        .duration = (uint64_t)keeper->now.mono - stream->opened,
        .messages = stream->messages,
        .bytes = stream->link.bytes};

    keeper->ended(keeper->data, &ended);
}

/* Its other end, or the state of its connection, is of this process. */
static bool is_fixed(const push_stream_t *stream)
{
    return !push_stream_moves(stream);
}

/* Takes it out of every list, and closes it here. */
static void forget(push_keeper_t *keeper, uint32_t index)
{
    push_stream_t *stream = stream_at(keeper, index);

    unfollow(keeper, stream);
    push_beat_leave(&keeper->beats, &keeper->streams, index);
    push_deadline_leave(&keeper->deadlines, &keeper->streams, index);
    if (push_map_get(&keeper->devices, stream->device, PUSH_NO_STREAM)
        == index) {
        push_map_remove(&keeper->devices, stream->device);
    }
    keeper->fixed -= is_fixed(stream);
    atomic_fetch_sub(&keeper->seat->pumped, stream->pumped);
    push_stream_close(keeper->store, stream);
    push_streams_give(&keeper->streams, index);
    push_room_give_back(keeper->seat);
}

static void end_stream(push_keeper_t *keeper, uint32_t index, push_end_t why)
{
    const push_stream_t *stream = stream_at(keeper, index);
    push_ticket_t ticket = {.device = stream->device, .gen = stream->gen};

    report_end(keeper, stream, why);
    push_store_checkout(keeper->store, &ticket, &keeper->now);
    forget(keeper, index);
}

static uint32_t jitter(push_keeper_t *keeper, uint32_t ms)
{
    return ms / 2 + (uint32_t)rand_r(&keeper->random) % (ms + 1);
}

static push_verdict_t verdict(const push_keeper_t *keeper, uint32_t index)
{
    const push_stream_t *stream = stream_at(keeper, index);
    const push_ticket_t ticket = {.device = stream->device,
                                  .gen = stream->gen};

    return push_delivery_verdict(keeper->store, &ticket);
}

static void dismiss(push_keeper_t *keeper, uint32_t index, push_end_t why,
                    uint32_t retry)
{
    push_stream_bye(keeper->writer, stream_at(keeper, index),
                    &(push_notice_t){.reason = push_end_name(why),
                                     .retry_ms = retry});
    end_stream(keeper, index, why);
}

bool push_keeper_end_if_over(push_keeper_t *keeper, uint32_t index)
{
    static const push_end_t ends[] = {[PUSH_BROKEN_OFF] = PUSH_END_RESTART,
                                      [PUSH_DISMISSED] = PUSH_END_DISMISSED,
                                      [PUSH_REVOKED] = PUSH_END_EXPIRED};
    push_verdict_t found = verdict(keeper, index);

    if (found == PUSH_TAKEN_OVER) {
        dismiss(keeper, index, PUSH_END_SUPERSEDED, SUPERSEDED_MS);
    }
    else if (found != PUSH_GOES_ON) {
        dismiss(keeper, index, ends[found], jitter(keeper, EXPIRED_MS));
    }
    return found != PUSH_GOES_ON;
}

/* Some day it goes on by itself; without memory it is asked all the time. */
static void wait_for_peer(push_keeper_t *keeper, uint32_t index)
{
    if (!push_waits_add(&keeper->waits, &keeper->streams, index, keeper->ms)) {
        keeper->later = true;
        enqueue(keeper, index);
    }
}

/* Acts on what came of a write. */
static void after_write(push_keeper_t *keeper, uint32_t index,
                        push_flush_t status)
{
    push_stream_t *stream = stream_at(keeper, index);

    if (status != PUSH_FLUSH_FULL) {
        stream->patience = stream->patience != 0;
    }
    switch (status) {
    case PUSH_FLUSH_IDLE:
        break;
    case PUSH_FLUSH_FULL:
        wait_for_peer(keeper, index);
        break;
    case PUSH_FLUSH_MORE:
        enqueue(keeper, index);
        push_beat_touch(&keeper->beats, &keeper->streams, index, keeper->ms);
        break;
    case PUSH_FLUSH_LATER:
        keeper->later = true;
        enqueue(keeper, index);
        break;
    case PUSH_FLUSH_BLOCKED:
        stream->blocked = 1;
        stream->full = 0;
        /* fall through */
    case PUSH_FLUSH_DONE:
        push_beat_touch(&keeper->beats, &keeper->streams, index, keeper->ms);
        break;
    case PUSH_FLUSH_STALE:
        push_keeper_end_if_over(keeper, index);
        break;
    case PUSH_FLUSH_OVER:
        end_stream(keeper, index, PUSH_END_ANSWERED);
        break;
    case PUSH_FLUSH_BROKEN:
        end_stream(keeper, index, PUSH_END_ERROR);
        break;
    }
}

/* From here on news of its channels come to this reactor. */
static void arrive(push_keeper_t *keeper, uint32_t index)
{
    push_stream_t *stream = stream_at(keeper, index);
    push_ticket_t ticket = {.device = stream->device, .gen = stream->gen};
    push_ref_t channels[PUSH_CHANNELS_MAX + 1]; /* and the broadcast */
    int count = push_delivery_channels(keeper->store, &ticket, channels,
                                       PUSH_CHANNELS_MAX + 1);

    stream->arriving = count < 0;
    for (int i = 0; i < count; i++) {
        if (push_followers_add(&keeper->followers, channels[i], index,
                               &stream->follows)) {
            push_seat_follow(push_at(&keeper->store->heaps[0], channels[i]),
                             keeper->seat_index);
        }
    }
}

static push_flush_t flush(push_keeper_t *keeper, uint32_t index)
{
    push_stream_t *stream = stream_at(keeper, index);
    uint32_t before = stream->messages;
    push_flush_t status;

    if (stream->arriving) {
        arrive(keeper, index);
    }
    push_epoch_enter(&keeper->store->epoch, keeper->seat);
    status = push_stream_flush(keeper->writer, stream, &keeper->now);
    push_epoch_leave(keeper->seat);
    keeper->flushes++;
    keeper->messages += stream->messages - before;
    if (stream->arriving
        && (status == PUSH_FLUSH_IDLE || status == PUSH_FLUSH_DONE)) {
        return PUSH_FLUSH_LATER;
    }
    return status;
}

/* One turn for each; who has more comes again after the others. */
void push_keeper_flush(push_keeper_t *keeper)
{
    uint32_t count;

    push_waits_look(&keeper->waits, &keeper->streams, &keeper->queue,
                    keeper->ms);
    count = keeper->queue.count;
    keeper->later = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = keeper->queue.indexes[i];
        push_stream_t *stream = stream_at(keeper, index);

        stream->queued = 0;
        if (stream->link.fd >= 0) {
            after_write(keeper, index, flush(keeper, index));
        }
    }
    push_queue_drop(&keeper->queue, count);
}

/* Also the safety net: whatever waits is sent instead. */
static void beat(push_keeper_t *keeper, uint32_t index)
{
    push_stream_t *stream = stream_at(keeper, index);
    push_flush_t status;

    push_beat_touch(&keeper->beats, &keeper->streams, index, keeper->ms);
    if (push_keeper_end_if_over(keeper, index)) {
        return;
    }
    if (stream->full) {
        stream->blocked = 0; /* not its socket: that takes a heartbeat */
    }
    if (stream->blocked) {
        return;
    }
    status = flush(keeper, index);
    if (status == PUSH_FLUSH_FULL) {
        after_write(keeper, index, status);
        status = PUSH_FLUSH_IDLE;
    }
    if (status == PUSH_FLUSH_LATER && !stream->link.rest && !stream->part) {
        /* The mailbox is locked, the client must not wait for that. */
        after_write(keeper, index, status);
        status = PUSH_FLUSH_IDLE;
    }
    if (status == PUSH_FLUSH_IDLE) {
        status = push_stream_beat(keeper->writer, stream);
    }
    after_write(keeper, index, status);
}

/* ---- arrivals ---- */

/* Between two events only, and TLS has its own ways: else it just ends. */
static void say_come_again(push_keeper_t *keeper,
                           const push_migrant_t *migrant)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "retry: %u\n\n",
                       jitter(keeper, TURNED_AWAY_MS));

    if (!migrant->part && !migrant->rest_len && !migrant->adoption.ssl
        && !migrant->adoption.json) {
        send(migrant->adoption.fd, text, (size_t)len,
             MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void push_keeper_turn_away(push_keeper_t *keeper,
                           const push_migrant_t *migrant)
{
    say_come_again(keeper, migrant);
    push_store_checkout(keeper->store, &migrant->adoption.ticket,
                        &keeper->now);
    if (migrant->part) {
        push_hold_release(keeper->store, migrant->part);
    }
    push_stream_drop_link(&(push_link_t){.fd = migrant->adoption.fd,
                                         .ssl = migrant->adoption.ssl});
}

static bool unpack(push_keeper_t *keeper, push_stream_t *stream,
                   const push_migrant_t *migrant)
{
    const push_adoption_t *adoption = &migrant->adoption;

    stream->link.fd = adoption->fd;
    stream->device = adoption->ticket.device;
    stream->gen = adoption->ticket.gen;
    stream->event_beats = adoption->event_beats;
    stream->meta = adoption->meta & 15u;
    stream->link.ssl = adoption->ssl;
    stream->pumped = adoption->pumped;
    stream->poll = adoption->poll;
    stream->json = adoption->json;
    keeper->fixed += is_fixed(stream);
    atomic_fetch_add(&keeper->seat->pumped, stream->pumped);
    stream->beat = (uint8_t)push_beat_for(&keeper->beats, adoption->heartbeat);
    stream->opened = migrant->opened ? migrant->opened
                                     : (uint64_t)keeper->now.mono;
    stream->messages = migrant->messages;
    stream->link.bytes = migrant->bytes;
    stream->part = migrant->part;
    stream->part_at = migrant->part_at;
    stream->part_seq = migrant->part_seq;
    if (migrant->rest_len) {
        stream->link.rest = malloc(migrant->rest_len);
        if (!stream->link.rest) {
            return false;
        }
        memcpy(stream->link.rest, migrant->rest, migrant->rest_len);
        stream->link.rest_len = migrant->rest_len;
    }
    return true;
}

/* Of two streams of a device the news are for the newer one. */
static bool take_over(push_keeper_t *keeper, push_ref_t device, uint32_t index)
{
    uint32_t other = push_map_get(&keeper->devices, device, PUSH_NO_STREAM);

    if (other != PUSH_NO_STREAM && !push_keeper_end_if_over(keeper, other)) {
        return true; /* this is the older one: its first flush ends it */
    }
    return push_map_put(&keeper->devices, device, index);
}

static bool set_deadline(push_keeper_t *keeper, uint32_t index, int64_t at)
{
    return !at
           || push_deadline_join(&keeper->deadlines, &keeper->streams, index,
                                 at);
}

void push_keeper_adopt(push_keeper_t *keeper, const push_migrant_t *migrant)
{
    uint32_t index = push_streams_take(&keeper->streams);
    push_stream_t *stream;
    bool whole;

    if (index == PUSH_NO_STREAM) {
        push_room_give_back(keeper->seat);
        push_keeper_turn_away(keeper, migrant);
        return;
    }
    stream = stream_at(keeper, index);
    whole = unpack(keeper, stream, migrant);
    push_beat_join(&keeper->beats, &keeper->streams, index, keeper->ms);
    if (!whole || !set_deadline(keeper, index, migrant->adoption.expires)
        || !push_queue_reserve(&keeper->queue, &keeper->streams)
        || !take_over(keeper, stream->device, index)
        || !push_stream_watch(stream, keeper->epoll, index)) {
        end_stream(keeper, index, PUSH_END_ERROR);
        return;
    }
    stream->arriving = 1;
    enqueue(keeper, index);
    if (migrant->opened) {
        /* Its beats were counted elsewhere: one now, or a stream that moves
         * more often than its heart beats is silent for ever. */
        beat(keeper, index);
    }
}

/* ---- departures ---- */

static void pack(const push_keeper_t *keeper, uint32_t index,
                 push_migrant_t *migrant)
{
    const push_stream_t *stream = stream_at(keeper, index);

    migrant->adoption = (push_adoption_t){
        .fd = stream->link.fd,
        .ticket = {.device = stream->device, .gen = stream->gen},
        .heartbeat = keeper->beats.lists[stream->beat].interval,
        .event_beats = stream->event_beats,
        .meta = stream->meta,
        .expires = push_deadline_of(&keeper->deadlines, &keeper->streams,
                                    index)};
    migrant->part = stream->part;
    migrant->part_at = stream->part_at;
    migrant->part_seq = stream->part_seq;
    migrant->bytes = stream->link.bytes;
    migrant->opened = stream->opened;
    migrant->messages = stream->messages;
    migrant->rest_len = stream->link.rest ? stream->link.rest_len : 0;
    if (stream->link.rest) {
        memcpy(migrant->rest, stream->link.rest, stream->link.rest_len);
    }
}

/* It lives on elsewhere: only this side of it goes. */
static void let_go(push_keeper_t *keeper, uint32_t index)
{
    push_stream_t *stream = stream_at(keeper, index);

    stream->part = PUSH_NONE;
    forget(keeper, index);
}

static void pass_hold(const push_keeper_t *keeper, const push_stream_t *stream,
                      unsigned seat)
{
    if (stream->part) {
        push_hold_pass(keeper->store, stream->part,
                       push_seat_tag(&keeper->store->seats.seats[seat], seat));
    }
}

uint32_t push_keeper_send_away(push_keeper_t *keeper, unsigned seat,
                               int socket, uint32_t most)
{
    push_migrant_t migrant;
    uint32_t count = 0;

    for (uint32_t i = 0; i < keeper->streams.used && count < most; i++) {
        const push_stream_t *stream = stream_at(keeper, i);

        if (stream->link.fd < 0 || is_fixed(stream)) {
            continue;
        }
        pack(keeper, i, &migrant);
        if (!push_store_move(keeper->store, &migrant.adoption.ticket, seat)) {
            continue;
        }
        pass_hold(keeper, stream, seat);
        if (!push_migration_send(socket, &migrant)) {
            pass_hold(keeper, stream, keeper->seat_index);
            push_store_move(keeper->store, &migrant.adoption.ticket,
                            keeper->seat_index);
            enqueue(keeper, i);
            break;
        }
        let_go(keeper, i);
        count++;
    }
    return count;
}

/* ---- heartbeats ---- */

void push_keeper_beat(push_keeper_t *keeper, uint32_t elapsed)
{
    for (unsigned i = 0; i < keeper->beats.count; i++) {
        uint32_t budget = push_beat_budget(&keeper->beats, i, elapsed);
        uint32_t index = push_beat_next(&keeper->beats, &keeper->streams, i,
                                        keeper->ms, &budget);

        while (index != PUSH_NO_STREAM) {
            beat(keeper, index);
            index = push_beat_next(&keeper->beats, &keeper->streams, i,
                                   keeper->ms, &budget);
        }
    }
}

/* ---- deadlines ---- */

/* A poll is answered in its turn. */
static void come_due(push_keeper_t *keeper, uint32_t index)
{
    push_deadline_leave(&keeper->deadlines, &keeper->streams, index);
    stream_at(keeper, index)->due = 1;
    enqueue(keeper, index);
}

void push_keeper_expire(push_keeper_t *keeper)
{
    uint32_t index = push_deadline_next(&keeper->deadlines, keeper->now.mono);

    while (index != PUSH_NO_STREAM) {
        if (stream_at(keeper, index)->poll) {
            come_due(keeper, index);
        }
        else {
            dismiss(keeper, index, PUSH_END_EXPIRED,
                    jitter(keeper, EXPIRED_MS));
        }
        index = push_deadline_next(&keeper->deadlines, keeper->now.mono);
    }
}

/* ---- sockets ---- */

void push_keeper_on_event(push_keeper_t *keeper, uint32_t index,
                          uint32_t events)
{
    push_stream_t *stream = stream_at(keeper, index);

    if (stream->link.fd < 0) {
        return;
    }
    if (events & (EPOLLERR | EPOLLHUP)) {
        end_stream(keeper, index,
                   events & EPOLLERR ? PUSH_END_ERROR : PUSH_END_PEER);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP) && push_stream_peer_left(stream)) {
        end_stream(keeper, index, PUSH_END_PEER);
        return;
    }
    if (events & EPOLLOUT && stream->blocked) {
        stream->blocked = 0;
        enqueue(keeper, index);
    }
}

uint32_t push_keeper_wait(const push_keeper_t *keeper, uint32_t limit)
{
    if (keeper->queue.count) {
        return keeper->later ? LATER_MS : 0;
    }
    limit = push_deadline_wait(&keeper->deadlines, keeper->now.mono, limit);
    limit = push_waits_next(&keeper->waits, keeper->ms, limit);
    return limit < PUSH_BEAT_TICK
               ? limit
               : push_beat_wait(&keeper->beats, &keeper->streams, keeper->ms,
                                limit);
}

static void bid_farewell(push_keeper_t *keeper, uint32_t index,
                         const push_farewell_t *farewell)
{
    push_stream_bye(
        keeper->writer, stream_at(keeper, index),
        &(push_notice_t){.reason = push_end_name(farewell->why),
                         .retry_ms = jitter(keeper, farewell->retry_ms),
                         .spread_ms = farewell->spread_ms});
    end_stream(keeper, index, farewell->why);
}

void push_keeper_end_all(push_keeper_t *keeper,
                         const push_farewell_t *farewell, bool pumped_only)
{
    for (uint32_t i = 0; i < keeper->streams.used; i++) {
        const push_stream_t *stream = stream_at(keeper, i);

        if (stream->link.fd >= 0 && stream->pumped >= pumped_only) {
            bid_farewell(keeper, i, farewell);
        }
    }
}

bool push_keeper_init(push_keeper_t *keeper)
{
    push_keeper_look_at_clock(keeper);
    keeper->random = (unsigned)(keeper->now.wall ^ getpid());
    keeper->writer = push_writer_create(keeper->store, keeper->seat);
    return keeper->writer && push_followers_init(&keeper->followers)
           && push_map_init(&keeper->devices)
           && push_queue_reserve(&keeper->queue, &keeper->streams);
}

void push_keeper_cleanup(push_keeper_t *keeper)
{
    push_writer_destroy(keeper->writer);
    push_streams_cleanup(&keeper->streams);
    push_deadlines_cleanup(&keeper->deadlines);
    push_followers_cleanup(&keeper->followers);
    push_map_cleanup(&keeper->devices);
    push_queue_cleanup(&keeper->queue);
    push_waits_cleanup(&keeper->waits);
}
