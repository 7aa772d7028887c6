#include "stream/reactor.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/sweep.h"
#include "stream/beat.h"
#include "stream/followers.h"
#include "stream/queue.h"

#define EVENTS_MAX    512
#define WAIT_MAX_MS   1000u
#define LATER_MS      5u     /* until a locked mailbox is tried again */
#define SUPERSEDED_MS 30000u /* retry of a client that was taken over from */
#define WAKE_INDEX    UINT32_MAX

typedef struct arrival_t {
    struct arrival_t *next;
    push_adoption_t adoption;
} arrival_t;

struct push_reactor_t {
    /* never change */
    push_reactor_options_t options;
    push_store_t *store;
    push_seat_t *seat;
    unsigned seat_index;
    int epoll;
    int64_t start; /* mono ms */
    pthread_t thread;

    /* any thread */
    _Atomic(arrival_t *) arrivals;
    _Atomic int stop; /* 1 + push_end_t */

    /* reactor thread only */
    push_streams_t streams;
    push_beats_t beats;
    push_followers_t followers;
    push_map_t devices; /* device → index of its stream */
    push_queue_t queue; /* streams to be flushed */
    push_time_t now;
    uint32_t ms; /* now, since start */
    unsigned random;
    bool later; /* some mailbox was locked */
};

/* ---- reactor thread only ---- */

static push_stream_t *stream_at(const push_reactor_t *reactor, uint32_t index)
{
    return push_streams_at(&reactor->streams, index);
}

static void look_at_clock(push_reactor_t *reactor)
{
    reactor->now = push_clock_now();
    reactor->ms = (uint32_t)(reactor->now.mono - reactor->start);
}

static void enqueue(push_reactor_t *reactor, uint32_t index)
{
    push_queue_add(&reactor->queue, &reactor->streams, index);
}

static void unfollow(push_reactor_t *reactor, push_stream_t *stream)
{
    while (stream->follows) {
        push_ref_t channel;

        if (push_followers_drop(&reactor->followers, &stream->follows,
                                &channel)) {
            push_seat_unfollow(push_at(&reactor->store->heaps[0], channel),
                               reactor->seat_index);
        }
    }
}

static void report_end(push_reactor_t *reactor, const push_stream_t *stream,
                       push_end_t why)
{
    push_ended_t ended = {
        .ticket = {.device = stream->device, .gen = stream->gen},
        .why = why,
        .duration = (uint64_t)reactor->now.mono - stream->opened,
        .messages = stream->messages,
        .bytes = stream->bytes};

    reactor->options.ended(reactor->options.data, &ended);
}

static void end_stream(push_reactor_t *reactor, uint32_t index, push_end_t why)
{
    push_stream_t *stream = stream_at(reactor, index);
    push_ticket_t ticket = {.device = stream->device, .gen = stream->gen};

    report_end(reactor, stream, why);
    push_store_checkout(reactor->store, &ticket, &reactor->now);
    unfollow(reactor, stream);
    push_beat_leave(&reactor->beats, &reactor->streams, index);
    if (push_map_get(&reactor->devices, stream->device, PUSH_NO_STREAM)
        == index) {
        push_map_remove(&reactor->devices, stream->device);
    }
    push_stream_close(reactor->store, stream);
    push_streams_give(&reactor->streams, index);
    atomic_fetch_sub(&reactor->seat->streams, 1);
}

static uint32_t jitter(push_reactor_t *reactor, uint32_t ms)
{
    return ms / 2 + (uint32_t)rand_r(&reactor->random) % (ms + 1);
}

static void supersede(push_reactor_t *reactor, uint32_t index)
{
    push_stream_bye(stream_at(reactor, index), PUSH_END_SUPERSEDED,
                    SUPERSEDED_MS, 0);
    end_stream(reactor, index, PUSH_END_SUPERSEDED);
}

static bool superseded(const push_reactor_t *reactor, uint32_t index)
{
    const push_stream_t *stream = stream_at(reactor, index);
    const push_ticket_t ticket = {.device = stream->device,
                                  .gen = stream->gen};

    return push_delivery_superseded(reactor->store, &ticket);
}

/* Acts on what came of a write. */
static void after_write(push_reactor_t *reactor, uint32_t index,
                        push_flush_t status)
{
    push_stream_t *stream = stream_at(reactor, index);

    switch (status) {
    case PUSH_FLUSH_IDLE:
        break;
    case PUSH_FLUSH_MORE:
        enqueue(reactor, index);
        push_beat_touch(&reactor->beats, &reactor->streams, index,
                        reactor->ms);
        break;
    case PUSH_FLUSH_LATER:
        reactor->later = true;
        enqueue(reactor, index);
        break;
    case PUSH_FLUSH_BLOCKED:
        stream->blocked = 1;
        /* fall through */
    case PUSH_FLUSH_DONE:
        push_beat_touch(&reactor->beats, &reactor->streams, index,
                        reactor->ms);
        break;
    case PUSH_FLUSH_STALE:
        supersede(reactor, index);
        break;
    case PUSH_FLUSH_BROKEN:
        end_stream(reactor, index, PUSH_END_ERROR);
        break;
    }
}

static push_flush_t flush(push_reactor_t *reactor, uint32_t index)
{
    push_flush_t status;

    push_epoch_enter(&reactor->store->epoch, reactor->seat);
    status = push_stream_flush(reactor->store, stream_at(reactor, index),
                               &reactor->now);
    push_epoch_leave(reactor->seat);
    return status;
}

/* One turn for each; who has more comes again after the others. */
static void flush_queue(push_reactor_t *reactor)
{
    uint32_t count = reactor->queue.count;

    reactor->later = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = reactor->queue.indexes[i];
        push_stream_t *stream = stream_at(reactor, index);

        stream->queued = 0;
        if (stream->fd >= 0) {
            after_write(reactor, index, flush(reactor, index));
        }
    }
    push_queue_drop(&reactor->queue, count);
}

/* ---- arrivals ---- */

static void follow_channels(push_reactor_t *reactor, uint32_t index)
{
    push_stream_t *stream = stream_at(reactor, index);
    push_ticket_t ticket = {.device = stream->device, .gen = stream->gen};
    push_ref_t channels[PUSH_CHANNELS_MAX + 1]; /* and the broadcast */
    unsigned count = push_delivery_channels(reactor->store, &ticket, channels,
                                            PUSH_CHANNELS_MAX + 1);

    for (unsigned i = 0; i < count; i++) {
        if (push_followers_add(&reactor->followers, channels[i], index,
                               &stream->follows)) {
            push_seat_follow(push_at(&reactor->store->heaps[0], channels[i]),
                             reactor->seat_index);
        }
    }
}

static bool watch(const push_reactor_t *reactor, int fd, uint32_t index)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP
                                          | EPOLLET,
                                .data.u32 = index};

    return !epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void adopt(push_reactor_t *reactor, const push_adoption_t *adoption)
{
    uint32_t index = push_streams_take(&reactor->streams);
    push_stream_t *stream;

    if (index == PUSH_NO_STREAM) {
        push_store_checkout(reactor->store, &adoption->ticket, &reactor->now);
        close(adoption->fd);
        atomic_fetch_sub(&reactor->seat->streams, 1);
        return;
    }
    stream = stream_at(reactor, index);
    stream->fd = adoption->fd;
    stream->device = adoption->ticket.device;
    stream->gen = adoption->ticket.gen;
    stream->event_beats = adoption->event_beats;
    stream->opened = (uint64_t)reactor->now.mono;
    stream->beat = (uint8_t)push_beat_for(&reactor->beats,
                                          adoption->heartbeat);
    push_beat_join(&reactor->beats, &reactor->streams, index, reactor->ms);
    if (!push_queue_reserve(&reactor->queue, &reactor->streams)
        || !push_map_put(&reactor->devices, stream->device, index)
        || !watch(reactor, stream->fd, index)) {
        end_stream(reactor, index, PUSH_END_ERROR);
        return;
    }
    follow_channels(reactor, index);
    enqueue(reactor, index);
}

static void adopt_arrivals(push_reactor_t *reactor)
{
    arrival_t *arrival = atomic_exchange(&reactor->arrivals, NULL);

    while (arrival) {
        arrival_t *next = arrival->next;

        adopt(reactor, &arrival->adoption);
        free(arrival);
        arrival = next;
    }
}

/* ---- news ---- */

static void news_of_device(push_reactor_t *reactor, push_device_t *device)
{
    push_ref_t ref = push_ref_of(&reactor->store->heaps[0], device);
    uint32_t index = push_map_get(&reactor->devices, ref, PUSH_NO_STREAM);

    if (index != PUSH_NO_STREAM) {
        if (superseded(reactor, index)) {
            supersede(reactor, index);
        }
        else {
            enqueue(reactor, index);
        }
    }
    if (device->child != push_seat_tag(reactor->seat, reactor->seat_index)) {
        push_seat_wake_device(&reactor->store->seats, device);
    }
}

static void news_for_all(push_reactor_t *reactor)
{
    for (uint32_t i = 0; i < reactor->streams.used; i++) {
        if (stream_at(reactor, i)->fd >= 0) {
            enqueue(reactor, i);
        }
    }
}

static void news_of_channel(push_reactor_t *reactor, push_channel_t *channel)
{
    push_ref_t ref = push_ref_of(&reactor->store->heaps[0], channel);
    const push_follower_t *follower = push_followers_of(&reactor->followers,
                                                        ref);

    if (ref == reactor->store->segment->broadcast) {
        news_for_all(reactor);
        return;
    }
    if (!follower) {
        push_seat_unfollow(channel, reactor->seat_index);
    }
    while (follower) {
        enqueue(reactor, follower->stream);
        follower = push_followers_next(&reactor->followers, follower);
    }
}

static void take_news(push_reactor_t *reactor)
{
    const push_seats_t *seats = &reactor->store->seats;
    uint32_t list = push_seat_devices(reactor->seat);
    push_channel_t *channel;
    push_device_t *device;

    while ((device = push_seat_next_device(seats, &list)) != NULL) {
        news_of_device(reactor, device);
    }
    list = push_seat_channels(reactor->seat);
    while (
        (channel = push_seat_next_channel(seats, reactor->seat_index, &list))
        != NULL) {
        news_of_channel(reactor, channel);
    }
}

/* ---- heartbeats ---- */

/* Also the safety net: whatever waits is sent instead. */
static void beat(push_reactor_t *reactor, uint32_t index)
{
    push_stream_t *stream = stream_at(reactor, index);
    push_flush_t status;

    push_beat_touch(&reactor->beats, &reactor->streams, index, reactor->ms);
    if (superseded(reactor, index)) {
        supersede(reactor, index);
        return;
    }
    if (stream->blocked) {
        return;
    }
    status = flush(reactor, index);
    if (status == PUSH_FLUSH_IDLE) {
        status = push_stream_beat(stream);
    }
    after_write(reactor, index, status);
}

static void beat_due(push_reactor_t *reactor, uint32_t elapsed)
{
    for (unsigned i = 0; i < reactor->beats.count; i++) {
        uint32_t budget = push_beat_budget(&reactor->beats, i, elapsed);
        uint32_t index;

        while ((index = push_beat_next(&reactor->beats, &reactor->streams, i,
                                       reactor->ms, &budget))
               != PUSH_NO_STREAM) {
            beat(reactor, index);
        }
    }
}

/* ---- sockets ---- */

/* A stream has nothing to say to us; true if its peer has left. */
static bool peer_left(int fd)
{
    char ignored[4096];
    ssize_t got;

    do {
        got = recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT);
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void on_event(push_reactor_t *reactor, const struct epoll_event *event)
{
    uint32_t index = event->data.u32;
    push_stream_t *stream;

    if (index == WAKE_INDEX) {
        uint64_t count;
        int fd = reactor->store->seats.events[reactor->seat_index];

        while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR) {
        }
        return;
    }
    stream = stream_at(reactor, index);
    if (stream->fd < 0) {
        return;
    }
    if (event->events & (EPOLLERR | EPOLLHUP)) {
        end_stream(reactor, index,
                   event->events & EPOLLERR ? PUSH_END_ERROR : PUSH_END_PEER);
        return;
    }
    if (event->events & (EPOLLIN | EPOLLRDHUP) && peer_left(stream->fd)) {
        end_stream(reactor, index, PUSH_END_PEER);
        return;
    }
    if (event->events & EPOLLOUT && stream->blocked) {
        stream->blocked = 0;
        enqueue(reactor, index);
    }
}

static int may_wait(push_reactor_t *reactor)
{
    if (reactor->queue.count) {
        return reactor->later ? (int)LATER_MS : 0;
    }
    if (!push_seat_sleep(reactor->seat)) {
        return 0;
    }
    if (atomic_load(&reactor->arrivals) || atomic_load(&reactor->stop)) {
        return 0;
    }
    return (int)push_beat_wait(&reactor->beats, &reactor->streams, reactor->ms,
                               WAIT_MAX_MS);
}

static void wait_for_events(push_reactor_t *reactor)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(reactor->epoll, events, EVENTS_MAX,
                           may_wait(reactor));

    push_seat_awake(reactor->seat);
    look_at_clock(reactor);
    for (int i = 0; i < count; i++) {
        on_event(reactor, &events[i]);
    }
}

static void end_all(push_reactor_t *reactor, push_end_t why)
{
    uint32_t spread = (uint32_t)((uint64_t)reactor->streams.count * 1000
                                 / reactor->options.accept_rate);

    for (uint32_t i = 0; i < reactor->streams.used; i++) {
        if (stream_at(reactor, i)->fd >= 0) {
            push_stream_bye(stream_at(reactor, i), why,
                            jitter(reactor, reactor->options.retry_ms),
                            spread);
            end_stream(reactor, i, why);
        }
    }
}

static void reactor_cleanup(push_reactor_t *reactor)
{
    push_streams_cleanup(&reactor->streams);
    push_followers_cleanup(&reactor->followers);
    push_map_cleanup(&reactor->devices);
    push_queue_cleanup(&reactor->queue);
    if (reactor->epoll >= 0) {
        close(reactor->epoll);
    }
    push_seat_leave(&reactor->store->seats, reactor->seat_index);
    free(reactor);
}

static void *run(void *data)
{
    push_reactor_t *reactor = data;
    uint32_t last = reactor->ms;

    while (!atomic_load(&reactor->stop)) {
        adopt_arrivals(reactor);
        take_news(reactor);
        flush_queue(reactor);
        beat_due(reactor, reactor->ms - last);
        last = reactor->ms;
        push_store_sweep_due(reactor->store, &reactor->now);
        wait_for_events(reactor);
    }
    adopt_arrivals(reactor);
    end_all(reactor, (push_end_t)(atomic_load(&reactor->stop) - 1));
    return NULL;
}

/* ---- any thread ---- */

unsigned push_reactor_seat(const push_reactor_t *reactor)
{
    return reactor->seat_index;
}

uint32_t push_reactor_load(const push_reactor_t *reactor)
{
    return atomic_load(&reactor->seat->streams);
}

bool push_reactor_adopt(push_reactor_t *reactor,
                        const push_adoption_t *adoption)
{
    arrival_t *arrival = malloc(sizeof(*arrival));

    if (!arrival) {
        push_time_t now = push_clock_now();

        push_store_checkout(reactor->store, &adoption->ticket, &now);
        close(adoption->fd);
        return false;
    }
    arrival->adoption = *adoption;
    atomic_fetch_add(&reactor->seat->streams, 1);
    arrival->next = atomic_load(&reactor->arrivals);
    while (!atomic_compare_exchange_weak(&reactor->arrivals, &arrival->next,
                                         arrival)) {
    }
    push_seat_ring(&reactor->store->seats, reactor->seat_index);
    return true;
}

static bool prepare(push_reactor_t *reactor)
{
    const push_seats_t *seats = &reactor->store->seats;
    struct epoll_event wake = {.events = EPOLLIN, .data.u32 = WAKE_INDEX};

    reactor->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (reactor->epoll < 0
        || epoll_ctl(reactor->epoll, EPOLL_CTL_ADD,
                     seats->events[reactor->seat_index], &wake)
        || !push_followers_init(&reactor->followers)
        || !push_map_init(&reactor->devices)
        || !push_queue_reserve(&reactor->queue, &reactor->streams)) {
        return false;
    }
    reactor->start = push_clock_now().mono;
    look_at_clock(reactor);
    reactor->random = (unsigned)reactor->now.wall ^ reactor->options.pid;
    push_seat_follow(push_store_broadcast(reactor->store),
                     reactor->seat_index);
    return true;
}

/* Signals are the other threads' affair. */
static bool start_thread(push_reactor_t *reactor)
{
    sigset_t all, before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&reactor->thread, NULL, run, reactor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == 0;
}

push_reactor_t *push_reactor_start(const push_reactor_options_t *options)
{
    push_store_t *store = options->store;
    int seat = push_seat_claim(&store->seats, options->pid);
    push_reactor_t *reactor;

    if (seat < 0) {
        return NULL;
    }
    reactor = calloc(1, sizeof(*reactor));
    if (!reactor) {
        push_seat_leave(&store->seats, (unsigned)seat);
        return NULL;
    }
    reactor->options = *options;
    reactor->store = store;
    reactor->seat_index = (unsigned)seat;
    reactor->seat = &store->seats.seats[seat];
    if (!prepare(reactor) || !start_thread(reactor)) {
        reactor_cleanup(reactor);
        return NULL;
    }
    return reactor;
}

void push_reactor_stop(push_reactor_t *reactor, push_end_t why)
{
    atomic_store(&reactor->stop, 1 + (int)why);
    push_seat_ring(&reactor->store->seats, reactor->seat_index);
    pthread_join(reactor->thread, NULL);
    reactor_cleanup(reactor);
}
