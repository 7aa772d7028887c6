#include "stream/loop/stream_set.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/ops/move.h"
#include "store/shard/hold.h"
#include "stream/loop/stuck.h"
#include "store/shm/reserve.h"
#include "store/shm/clock.h"
#include "stream/loop/stream_counts.h"
#include "stream/loop/packing.h"
#include "stream/loop/turn_away.h"
#include "stream/loop/upstream.h"

#define LATER_MS       5u     /* until a locked mailbox is tried again */
#define SUPERSEDED_MS  30000u /* retry of a client that was taken over from */
#define TURNED_AWAY_MS 10000u /* of one for which there is no room; likewise */
#define EXPIRED_MS     1000u  /* and of one that may come again; jittered */

static push_stream_t *stream_at(const push_stream_set_t *set, uint32_t index)
{
    return push_stream_table_at(&set->streams, index);
}

void push_stream_set_read_clock(push_stream_set_t *set)
{
    set->now = push_clock_now();
    set->ms = (uint32_t)(set->now.mono - set->start);
}

static void enqueue(push_stream_set_t *set, uint32_t index)
{
    push_queue_add(&set->queue, &set->streams, index);
}

static void unfollow(push_stream_set_t *set, push_stream_t *stream)
{
    while (stream->follows) {
        push_ref_t channel;

        if (push_followers_drop(&set->followers, &stream->follows, &channel)) {
            push_seat_unfollow(push_at(&set->store->heaps[0], channel),
                               set->seat_index);
        }
    }
}

static void report_end(push_stream_set_t *set, const push_stream_t *stream,
                       push_end_t why)
{
    push_ended_t ended = {.stream_ref = {.device = stream->device,
                                         .gen = stream->gen},
                          .why = why,
                          .duration = (uint64_t)set->now.mono - stream->opened,
                          .messages = stream->messages,
                          .bytes = stream->link.bytes};

    push_count_end(set->seat, push_closed_by(stream, why), ended.duration);
    set->ended(set->data, &ended);
}

/* Its other end, or the state of its connection, is of this process. */
static bool is_fixed(const push_stream_t *stream)
{
    return !push_stream_moves(stream);
}

/* Takes it out of every list, and closes it here. */
static void forget(push_stream_set_t *set, uint32_t index)
{
    push_stream_t *stream = stream_at(set, index);

    unfollow(set, stream);
    push_upstreams_drop(&set->upstreams, index);
    push_beat_leave(&set->beats, &set->streams, index);
    push_deadline_leave(&set->deadlines, &set->streams, index);
    if (push_map_get(&set->devices, stream->device, PUSH_NO_STREAM) == index) {
        push_map_remove(&set->devices, stream->device);
    }
    set->fixed -= is_fixed(stream);
    push_count_carried(set->seat, stream, -1);
    push_stream_close(set->store, stream);
    push_stream_table_give(&set->streams, index);
    push_reserve_give_back(set->seat);
}

static void end_stream(push_stream_set_t *set, uint32_t index, push_end_t why)
{
    const push_stream_t *stream = stream_at(set, index);
    push_stream_ref_t stream_ref = {.device = stream->device,
                                    .gen = stream->gen};

    report_end(set, stream, why);
    push_store_end(set->store, &stream_ref, (push_went_t)(why + 1), &set->now);
    forget(set, index);
}

static uint32_t jitter(push_stream_set_t *set, uint32_t ms)
{
    return ms / 2 + (uint32_t)rand_r(&set->random) % (ms + 1);
}

static push_stream_state_t state(const push_stream_set_t *set, uint32_t index)
{
    const push_stream_t *stream = stream_at(set, index);
    const push_stream_ref_t stream_ref = {.device = stream->device,
                                          .gen = stream->gen};

    return push_delivery_state(set->store, &stream_ref);
}

static void dismiss(push_stream_set_t *set, uint32_t index, push_end_t why,
                    uint32_t retry)
{
    push_stream_bye(set->writer, stream_at(set, index),
                    &(push_notice_t){.reason = push_end_name(why),
                                     .retry_ms = retry});
    end_stream(set, index, why);
}

bool push_stream_set_end_if_over(push_stream_set_t *set, uint32_t index)
{
    static const push_end_t ends[] = {[PUSH_BROKEN_OFF] = PUSH_END_RESTART,
                                      [PUSH_DISMISSED] = PUSH_END_DISMISSED,
                                      [PUSH_REVOKED] = PUSH_END_EXPIRED};
    push_stream_state_t found = state(set, index);

    if (found == PUSH_TAKEN_OVER) {
        dismiss(set, index, PUSH_END_SUPERSEDED, SUPERSEDED_MS);
    }
    else if (found != PUSH_GOES_ON) {
        dismiss(set, index, ends[found], jitter(set, EXPIRED_MS));
    }
    return found != PUSH_GOES_ON;
}

/* Some day it goes on by itself; without memory it is asked all the time. */
static void wait_for_peer(push_stream_set_t *set, uint32_t index)
{
    if (!push_waits_add(&set->waits, &set->streams, index, set->ms)) {
        set->later = true;
        enqueue(set, index);
    }
}

/* Acts on what came of a write. */
static void after_write(push_stream_set_t *set, uint32_t index,
                        push_flush_t status)
{
    push_stream_t *stream = stream_at(set, index);

    if (status != PUSH_FLUSH_FULL) {
        stream->patience = stream->patience != 0;
    }
    push_stuck_note(set->store, stream, status, &set->now);
    switch (status) {
    case PUSH_FLUSH_IDLE:
        break;
    case PUSH_FLUSH_FULL:
        wait_for_peer(set, index);
        break;
    case PUSH_FLUSH_MORE:
        enqueue(set, index);
        push_beat_touch(&set->beats, &set->streams, index, set->ms);
        break;
    case PUSH_FLUSH_LATER:
        set->later = true;
        enqueue(set, index);
        break;
    case PUSH_FLUSH_BLOCKED:
        push_count(&set->seat->counts, PUSH_COUNT_BLOCKED, 1);
        stream->blocked = 1;
        stream->full = 0;
        /* fall through */
    case PUSH_FLUSH_DONE:
        push_beat_touch(&set->beats, &set->streams, index, set->ms);
        break;
    case PUSH_FLUSH_STALE:
        push_stream_set_end_if_over(set, index);
        break;
    case PUSH_FLUSH_OVER:
        end_stream(set, index, PUSH_END_ANSWERED);
        break;
    case PUSH_FLUSH_CLOSED:
        dismiss(set, index, PUSH_END_DISMISSED, jitter(set, EXPIRED_MS));
        break;
    case PUSH_FLUSH_BROKEN:
        end_stream(set, index, PUSH_END_ERROR);
        break;
    }
}

/* From here on wake-ups of its channels come to this reactor. */
static void arrive(push_stream_set_t *set, uint32_t index)
{
    push_stream_t *stream = stream_at(set, index);
    push_stream_ref_t stream_ref = {.device = stream->device,
                                    .gen = stream->gen};
    push_ref_t channels[PUSH_CHANNELS_MAX + 1]; /* and the broadcast */
    int count = push_delivery_channels(set->store, &stream_ref, channels,
                                       PUSH_CHANNELS_MAX + 1);

    stream->arriving = count < 0;
    if (count >= 0) {
        unfollow(set, stream); /* what it followed before */
    }
    for (int i = 0; i < count; i++) {
        if (push_followers_add(&set->followers, channels[i], index,
                               &stream->follows)) {
            push_seat_follow(push_at(&set->store->heaps[0], channels[i]),
                             set->seat_index);
        }
    }
}

static push_flush_t flush(push_stream_set_t *set, uint32_t index)
{
    push_stream_t *stream = stream_at(set, index);
    uint32_t before = stream->messages;
    push_flush_t status;

    if (stream->arriving) {
        arrive(set, index);
    }
    push_epoch_enter(&set->store->epoch, set->seat);
    status = push_stream_flush(set->writer, stream, &set->now);
    push_epoch_leave(set->seat);
    if (push_codec_frames(stream->codec)) {
        status = push_upstream_settle(&set->upstreams, index, stream,
                                      &set->now, status);
    }
    set->flushes++;
    set->messages += stream->messages - before;
    if (stream->arriving
        && (status == PUSH_FLUSH_IDLE || status == PUSH_FLUSH_DONE)) {
        return PUSH_FLUSH_LATER;
    }
    return status;
}

/* One turn for each; who has more comes again after the others. */
void push_stream_set_flush(push_stream_set_t *set)
{
    uint32_t count;

    push_waits_poll(&set->waits, &set->streams, &set->queue, set->ms);
    count = set->queue.count;
    set->later = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = set->queue.indexes[i];
        push_stream_t *stream = stream_at(set, index);

        stream->queued = 0;
        if (stream->link.fd >= 0) {
            after_write(set, index, flush(set, index));
        }
    }
    push_queue_drop(&set->queue, count);
}

/* Also the safety net: whatever waits is sent instead. */
static void beat(push_stream_set_t *set, uint32_t index)
{
    push_stream_t *stream = stream_at(set, index);
    push_flush_t status;

    push_beat_touch(&set->beats, &set->streams, index, set->ms);
    if (push_stream_set_end_if_over(set, index)) {
        return;
    }
    if (stream->full) {
        stream->blocked = 0; /* not its socket: that takes a heartbeat */
    }
    if (stream->blocked) {
        return;
    }
    status = flush(set, index);
    if (status == PUSH_FLUSH_FULL) {
        after_write(set, index, status);
        status = PUSH_FLUSH_IDLE;
    }
    if (status == PUSH_FLUSH_LATER && !stream->link.rest && !stream->part) {
        /* The mailbox is locked, the client must not wait for that. */
        after_write(set, index, status);
        status = PUSH_FLUSH_IDLE;
    }
    if (status == PUSH_FLUSH_IDLE) {
        status = push_stream_beat(set->writer, stream);
    }
    after_write(set, index, status);
}

/* ---- arrivals ---- */

void push_stream_set_turn_away(push_stream_set_t *set,
                               const push_migrant_t *migrant)
{
    push_stream_turn_away(set->store, set->seat, migrant,
                          jitter(set, TURNED_AWAY_MS), &set->now);
}

/* Of two streams of a device the wake-ups are for the newer one. */
static bool take_over(push_stream_set_t *set, push_ref_t device,
                      uint32_t index)
{
    uint32_t other = push_map_get(&set->devices, device, PUSH_NO_STREAM);

    if (other != PUSH_NO_STREAM && !push_stream_set_end_if_over(set, other)) {
        return true; /* this is the older one: its first flush ends it */
    }
    return push_map_put(&set->devices, device, index);
}

static bool set_deadline(push_stream_set_t *set, uint32_t index, int64_t at)
{
    return !at
           || push_deadline_join(&set->deadlines, &set->streams, index, at);
}

void push_stream_set_adopt(push_stream_set_t *set,
                           const push_migrant_t *migrant)
{
    uint32_t index = push_stream_table_take(&set->streams);
    push_stream_t *stream;
    bool whole;

    if (index == PUSH_NO_STREAM) {
        push_reserve_give_back(set->seat);
        push_stream_set_turn_away(set, migrant);
        return;
    }
    stream = stream_at(set, index);
    whole = push_stream_unpack(stream, migrant, set->now.mono);
    stream->beat = (uint8_t)push_beat_for(&set->beats,
                                          migrant->adoption.heartbeat);
    set->fixed += is_fixed(stream);
    push_count_carried(set->seat, stream, 1);
    push_beat_join(&set->beats, &set->streams, index, set->ms);
    if (!whole || !set_deadline(set, index, migrant->adoption.expires)
        || !push_queue_reserve(&set->queue, &set->streams)
        || !take_over(set, stream->device, index)
        || !push_stream_watch(stream, set->epoll, index)) {
        end_stream(set, index, PUSH_END_ERROR);
        return;
    }
    stream->arriving = 1;
    enqueue(set, index);
    if (migrant->opened) {
        /*
         * The stream's beats were counted elsewhere: one now, or a stream that
         * moves more often than its heart beats is silent for ever.
         */
        beat(set, index);
    }
}

/* ---- departures ---- */

/* The stream lives on elsewhere: only this side of it goes. */
static void let_go(push_stream_set_t *set, uint32_t index)
{
    push_stream_t *stream = stream_at(set, index);

    stream->part = PUSH_NONE;
    forget(set, index);
}

static void pass_hold(const push_stream_set_t *set,
                      const push_stream_t *stream, unsigned seat)
{
    if (stream->part) {
        push_hold_pass(set->store, stream->part,
                       push_seat_tag(&set->store->seats.seats[seat], seat));
    }
}

uint32_t push_stream_set_send_away(push_stream_set_t *set, unsigned seat,
                                   int socket, uint32_t most)
{
    push_migrant_t migrant;
    uint32_t count = 0;

    for (uint32_t i = 0; i < set->streams.used && count < most; i++) {
        const push_stream_t *stream = stream_at(set, i);

        if (stream->link.fd < 0 || is_fixed(stream)
            || push_upstreams_get(&set->upstreams, i)) {
            continue;
        }
        push_stream_pack(stream, set->beats.lists[stream->beat].interval,
                         push_deadline_of(&set->deadlines, &set->streams, i),
                         &migrant);
        if (!push_store_move(set->store, &migrant.adoption.stream_ref, seat)) {
            continue;
        }
        pass_hold(set, stream, seat);
        if (!push_migration_send(socket, &migrant)) {
            pass_hold(set, stream, set->seat_index);
            push_store_move(set->store, &migrant.adoption.stream_ref,
                            set->seat_index);
            enqueue(set, i);
            break;
        }
        let_go(set, i);
        push_count(&set->seat->counts, PUSH_COUNT_MOVED, 1);
        count++;
    }
    return count;
}

/* ---- heartbeats ---- */

void push_stream_set_beat(push_stream_set_t *set, uint32_t elapsed)
{
    for (unsigned i = 0; i < set->beats.count; i++) {
        uint32_t budget = push_beat_budget(&set->beats, i, elapsed);
        uint32_t index = push_beat_next(&set->beats, &set->streams, i, set->ms,
                                        &budget);

        while (index != PUSH_NO_STREAM) {
            beat(set, index);
            index = push_beat_next(&set->beats, &set->streams, i, set->ms,
                                   &budget);
        }
    }
}

/* ---- deadlines ---- */

/* A poll is answered in its turn. */
static void come_due(push_stream_set_t *set, uint32_t index)
{
    push_deadline_leave(&set->deadlines, &set->streams, index);
    stream_at(set, index)->due = 1;
    enqueue(set, index);
}

void push_stream_set_expire(push_stream_set_t *set)
{
    uint32_t index = push_deadline_next(&set->deadlines, set->now.mono);

    while (index != PUSH_NO_STREAM) {
        if (stream_at(set, index)->poll) {
            come_due(set, index);
        }
        else {
            dismiss(set, index, PUSH_END_EXPIRED, jitter(set, EXPIRED_MS));
        }
        index = push_deadline_next(&set->deadlines, set->now.mono);
    }
}

/* ---- sockets ---- */

/* What the peer sends is read, or dropped where it has nothing to say. */
static bool goes_on(push_stream_set_t *set, uint32_t index)
{
    push_stream_t *stream = stream_at(set, index);
    push_upstream_end_t ended =
        push_codec_frames(stream->codec)
            ? push_upstream_read(&set->upstreams, index, stream, &set->now)
        : push_stream_peer_left(stream) ? PUSH_UPSTREAM_LEFT
                                        : PUSH_UPSTREAM_OPEN;

    if (ended == PUSH_UPSTREAM_OWES) {
        enqueue(set, index);
    }
    else if (ended != PUSH_UPSTREAM_OPEN) {
        end_stream(set, index,
                   ended == PUSH_UPSTREAM_LEFT ? PUSH_END_PEER
                                               : PUSH_END_ERROR);
        return false;
    }
    return true;
}

void push_stream_set_on_event(push_stream_set_t *set, uint32_t index,
                              uint32_t events)
{
    push_stream_t *stream = stream_at(set, index);

    if (stream->link.fd < 0) {
        return;
    }
    if (events & (EPOLLERR | EPOLLHUP)) {
        end_stream(set, index,
                   events & EPOLLERR ? PUSH_END_ERROR : PUSH_END_PEER);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP) && !goes_on(set, index)) {
        return;
    }
    if (events & EPOLLOUT && stream->blocked) {
        stream->blocked = 0;
        enqueue(set, index);
    }
}

uint32_t push_stream_set_wait(const push_stream_set_t *set, uint32_t limit)
{
    if (set->queue.count) {
        return set->later ? LATER_MS : 0;
    }
    limit = push_deadline_wait(&set->deadlines, set->now.mono, limit);
    limit = push_waits_next(&set->waits, set->ms, limit);
    return limit < PUSH_BEAT_TICK
               ? limit
               : push_beat_wait(&set->beats, &set->streams, set->ms, limit);
}

static void send_close_notice(push_stream_set_t *set, uint32_t index,
                              const push_close_notice_t *notice)
{
    push_stream_bye(set->writer, stream_at(set, index),
                    &(push_notice_t){.reason = push_end_name(notice->why),
                                     .retry_ms = jitter(set, notice->retry_ms),
                                     .spread_ms = notice->spread_ms});
    end_stream(set, index, notice->why);
}

void push_stream_set_end_all(push_stream_set_t *set,
                             const push_close_notice_t *notice,
                             bool bridged_only)
{
    for (uint32_t i = 0; i < set->streams.used; i++) {
        const push_stream_t *stream = stream_at(set, i);

        if (stream->link.fd >= 0 && stream->bridged >= bridged_only) {
            send_close_notice(set, i, notice);
        }
    }
}

bool push_stream_set_init(push_stream_set_t *set)
{
    push_stream_set_read_clock(set);
    set->random = (unsigned)(set->now.wall ^ getpid());
    set->upstreams.store = set->store;
    set->writer = push_writer_create(set->store, set->seat);
    return set->writer && push_followers_init(&set->followers)
           && push_map_init(&set->devices)
           && push_queue_reserve(&set->queue, &set->streams);
}

void push_stream_set_cleanup(push_stream_set_t *set)
{
    push_writer_destroy(set->writer);
    push_stream_table_cleanup(&set->streams);
    push_deadlines_cleanup(&set->deadlines);
    push_followers_cleanup(&set->followers);
    push_map_cleanup(&set->devices);
    push_queue_cleanup(&set->queue);
    push_waits_cleanup(&set->waits);
    push_upstreams_cleanup(&set->upstreams);
}
