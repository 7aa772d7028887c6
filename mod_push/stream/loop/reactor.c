#include "stream/loop/reactor.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/times.h"
#include "store/ops/move.h"
#include "store/shm/reserve.h"
#include "store/shm/thread.h"
#include "stream/loop/stream_set.h"
#include "stream/loop/migrants.h"
#include "stream/loop/batching.h"
#include "stream/loop/wakeups.h"
#include "store/shm/clock.h"

#define EVENTS_MAX    512
#define WAIT_MAX_MS   1000u
#define LEAVE_MS      50u  /* between two looks for a new home */
#define POLL_MS       500u /* between two checks of all streams */
#define LEAVE_AT_ONCE 256u /* streams sent away before others get a turn */

/* The descriptors that epoll reports and that are no streams. */
#define WAKE_INDEX    UINT32_MAX
#define MIGRANT_INDEX (UINT32_MAX - 1)

typedef struct arrival_t {
    struct arrival_t *next;
    push_adoption_t adoption;
} arrival_t;

struct push_reactor_t {
    /* never change */
    push_reactor_options_t options;
    pthread_t thread;

    /* any thread */
    _Atomic(arrival_t *) arrivals;
    _Atomic int stop;          /* 1 + push_end_t */
    _Atomic int end_bridged;   /* 1 + push_end_t, or 0 */
    _Atomic bool part;         /* end those that are here */
    const push_leave_t *leave; /* set before stop */
    _Atomic bool together;     /* likewise */

    /* reactor thread only */
    push_stream_set_t set;
    push_batching_t batching;
    int64_t next_check; /* mono ms; for streams sent to dead processes */
    uint32_t crowd;     /* streams of the whole server, as last counted */
    int64_t polled;     /* when, mono ms */
    int64_t busy_since; /* mono µs */
};

/* ---- reactor thread only ---- */

static void adopt_arrivals(push_reactor_t *reactor)
{
    arrival_t *arrival = atomic_exchange(&reactor->arrivals, NULL);

    while (arrival) {
        arrival_t *next = arrival->next;

        push_migrant_t migrant = {.adoption = arrival->adoption};

        push_stream_set_adopt(&reactor->set, &migrant);
        free(arrival);
        arrival = next;
    }
}

static void on_event(push_reactor_t *reactor, const struct epoll_event *event)
{
    if (event->data.u32 == MIGRANT_INDEX) {
        push_migrants_adopt(&reactor->set, reactor->set.seat_index);
    }
    else if (event->data.u32 == WAKE_INDEX) {
        push_count(&reactor->set.seat->counts, PUSH_COUNT_WAKEUPS, 1);
    }
    else {
        push_stream_set_on_event(&reactor->set, event->data.u32,
                                 event->events);
    }
}

static push_close_notice_t notice(const push_reactor_t *reactor, int why,
                                  uint32_t streams)
{
    return (push_close_notice_t){
        .why = (push_end_t)(why - 1),
        .retry_ms = reactor->options.retry_ms,
        .spread_ms = (uint32_t)((uint64_t)streams * 1000
                                / reactor->options.accept_rate)};
}

static bool must_end_bridged(push_reactor_t *reactor)
{
    return atomic_load(&reactor->end_bridged)
           && atomic_load(&reactor->set.seat->bridged);
}

static void end_bridged(push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;

    if (must_end_bridged(reactor)) {
        push_close_notice_t last = notice(reactor,
                                          atomic_load(&reactor->end_bridged),
                                          atomic_load(&set->seat->bridged));

        push_stream_set_end_all(set, &last, true);
    }
}

/* Another segment succeeds ours: nothing can move there. */
static bool is_superseded(const push_reactor_t *reactor)
{
    return push_segment_superseded(reactor->set.store->segment);
}

static bool must_part(push_reactor_t *reactor)
{
    return atomic_load_explicit(&reactor->part, memory_order_relaxed)
           && atomic_exchange(&reactor->part, false);
}

/* All that are here, as those of the other reactors at the same time. */
static void end_present(push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;
    uint32_t streams = set->streams.count;
    push_close_notice_t last;

    if ((must_part(reactor) || is_superseded(reactor)) && streams) {
        last = notice(reactor, 1 + (int)PUSH_END_RESTART,
                      streams < reactor->crowd ? reactor->crowd : streams);
        push_stream_set_end_all(set, &last, false);
    }
}

static int may_wait(push_reactor_t *reactor, uint32_t limit)
{
    uint32_t wait = push_stream_set_wait(&reactor->set, limit);

    if (!wait || !push_seat_sleep(reactor->set.seat)) {
        return 0;
    }
    if (atomic_load(&reactor->arrivals) || must_end_bridged(reactor)
        || atomic_load(&reactor->part)
        || (atomic_load(&reactor->stop) && limit == WAIT_MAX_MS)) {
        return 0;
    }
    push_batching_reset(&reactor->batching);
    return (int)wait;
}

/* Until now; the next time of it begins with another clock reading. */
static void count_busy(push_reactor_t *reactor)
{
    push_count(&reactor->set.seat->counts, PUSH_COUNT_BUSY,
               (uint64_t)(push_clock_us() - reactor->busy_since));
}

static void wait_for_events(push_reactor_t *reactor, uint32_t limit)
{
    struct epoll_event events[EVENTS_MAX];
    push_stream_set_t *set = &reactor->set;
    int wait = may_wait(reactor, limit);
    int count;

    count_busy(reactor);
    count = epoll_wait(set->epoll, events, EVENTS_MAX, wait);
    push_seat_awake(set->seat);
    push_stream_set_read_clock(set);
    reactor->busy_since = set->now.us;
    for (int i = 0; i < count; i++) {
        on_event(reactor, &events[i]);
    }
}

static void pause_if_busy(push_reactor_t *reactor, uint32_t flushes,
                          uint32_t messages)
{
    uint32_t ms = push_batching_pause(
        &reactor->batching, reactor->set.now.mono, flushes, messages);

    if (ms) {
        count_busy(reactor);
        poll(NULL, 0, (int)ms);
        reactor->busy_since = push_clock_us();
    }
}

/*
 * Once all processes end, their counts shrink while each looks at them: so
 * what was counted before stands.
 */
static void poll_all(push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;

    if (set->now.mono >= reactor->polled + POLL_MS) {
        reactor->polled = set->now.mono;
        reactor->crowd = push_seat_streams(&set->store->seats);
        push_stream_set_end_overtaken(set);
    }
}

/* That it lives; the clock of the set was read just now. */
static void beat(const push_reactor_t *reactor)
{
    atomic_store_explicit(&reactor->set.seat->pulse.beat,
                          reactor->set.now.mono, memory_order_relaxed);
}

static void turn(push_reactor_t *reactor, uint32_t limit)
{
    push_stream_set_t *set = &reactor->set;
    uint32_t before = set->ms;
    uint32_t flushes = set->flushes;
    uint32_t messages = set->messages;

    beat(reactor);
    poll_all(reactor);
    adopt_arrivals(reactor);
    if (limit == WAIT_MAX_MS && set->now.mono >= reactor->next_check) {
        reactor->next_check = set->now.mono + WAIT_MAX_MS;
        push_migrants_adopt_lost(set);
    }
    push_stream_set_take_wakeups(set);
    push_stream_set_flush(set);
    end_bridged(reactor);
    end_present(reactor);
    pause_if_busy(reactor, set->flushes - flushes, set->messages - messages);
    wait_for_events(reactor, limit);
    push_stream_set_expire(set);
    push_stream_set_beat(set, set->ms - before);
}

/* How many streams went to the seat that has the fewest. */
static uint32_t send_some(push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;
    const push_seats_t *seats = &set->store->seats;
    int seat = push_seat_open(seats);
    uint32_t gone;

    if (seat < 0 || !push_seat_send(&seats->seats[seat])) {
        return 0;
    }
    gone = push_stream_set_send_away(set, (unsigned)seat, seats->send[seat],
                                     LEAVE_AT_ONCE);
    push_seat_sent(&seats->seats[seat]);
    return gone;
}

/* Nobody is left to take streams, and nobody is expected any more. */
static bool is_last(const push_reactor_t *reactor)
{
    const push_stream_set_t *set = &reactor->set;

    return atomic_load(&reactor->leave->alone_until) <= set->now.mono
           && push_seat_open(&set->store->seats) < 0;
}

/* Streams find a new home in another child while there is time for it. */
static void leave(push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;

    push_seat_close(set->seat);
    while (atomic_load(&reactor->leave->until) > set->now.mono) {
        bool awaited = push_seat_awaited(set->seat);

        if (is_last(reactor)) {
            atomic_store(&reactor->together, true);
            break;
        }
        adopt_arrivals(reactor);
        push_migrants_adopt(&reactor->set, reactor->set.seat_index);
        if (!awaited && set->streams.count == set->fixed) {
            break;
        }
        turn(reactor, send_some(reactor) ? 1 : LEAVE_MS);
    }
}

/* How many will come back when this reactor has ended. */
static uint32_t streams_to_return(const push_reactor_t *reactor)
{
    uint32_t streams = reactor->set.streams.count;

    if (atomic_load(&reactor->together) && streams < reactor->crowd) {
        streams = reactor->crowd;
    }
    return streams;
}

static void *run(void *data)
{
    push_reactor_t *reactor = data;
    push_stream_set_t *set = &reactor->set;
    push_close_notice_t last;

    reactor->busy_since = push_clock_us();
    push_migrants_adopt(&reactor->set, reactor->set.seat_index);
    while (!atomic_load(&reactor->stop)) {
        turn(reactor, WAIT_MAX_MS);
    }
    leave(reactor);
    adopt_arrivals(reactor);
    push_migrants_adopt(&reactor->set, reactor->set.seat_index);
    last = notice(reactor, atomic_load(&reactor->stop),
                  streams_to_return(reactor));
    push_stream_set_end_all(set, &last, false);
    return NULL;
}

static void reactor_cleanup(push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;

    push_stream_set_cleanup(set);
    if (set->epoll >= 0) {
        close(set->epoll);
    }
    push_seat_leave(&set->store->seats, set->seat_index);
    free(reactor);
}

/* ---- any thread ---- */

unsigned push_reactor_seat(const push_reactor_t *reactor)
{
    return reactor->set.seat_index;
}

uint32_t push_reactor_room(const push_reactor_t *reactor)
{
    const push_seat_t *seat = reactor->set.seat;
    uint32_t limit = atomic_load(&seat->limit);
    uint32_t streams = atomic_load(&seat->streams);

    return streams < limit ? limit - streams : 0;
}

bool push_reservation_make(push_reservation_t *reservation,
                           push_store_t *store, push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;

    *reservation = (push_reservation_t){store, set->seat_index, reactor};
    return push_reserve_here(&store->seats, set->seat);
}

/* The seat at which this process counts its reservations elsewhere. */
static unsigned own_seat(const push_store_t *store)
{
    return push_seat_index(store->tag);
}

bool push_reservation_make_at(push_reservation_t *reservation,
                              push_store_t *store, unsigned seat)
{
    *reservation = (push_reservation_t){store, seat, NULL};
    return push_reserve_elsewhere(&store->seats, own_seat(store), seat);
}

bool push_reservation_make_elsewhere(push_reservation_t *reservation,
                                     push_store_t *store)
{
    int seat = push_reserve_find(&store->seats);

    return seat >= 0
           && push_reservation_make_at(reservation, store, (unsigned)seat);
}

void push_reservation_cancel(const push_reservation_t *reservation)
{
    if (reservation->reactor) {
        push_reserve_give_back(reservation->reactor->set.seat);
    }
    else {
        push_reserve_cancel(&reservation->store->seats,
                            own_seat(reservation->store));
    }
}

static bool adopt_here(push_reactor_t *reactor,
                       const push_adoption_t *adoption)
{
    push_stream_set_t *set = &reactor->set;
    arrival_t *arrival = malloc(sizeof(*arrival));

    if (!arrival) {
        return false;
    }
    arrival->adoption = *adoption;
    arrival->next = atomic_load(&reactor->arrivals);
    while (!atomic_compare_exchange_weak(&reactor->arrivals, &arrival->next,
                                         arrival)) {
    }
    push_seat_ring(&set->store->seats, set->seat_index);
    return true;
}

/* The other child gets a descriptor of its own. */
static bool adopt_there(const push_reservation_t *reservation,
                        const push_adoption_t *adoption)
{
    const push_seats_t *seats = &reservation->store->seats;
    push_migrant_t migrant = {.adoption = *adoption,
                              .reserved = own_seat(reservation->store)};
    bool sent;

    if (!push_seat_send(&seats->seats[reservation->seat])) {
        return false;
    }
    sent = push_migration_send(seats->send[reservation->seat], &migrant);
    push_seat_sent(&seats->seats[reservation->seat]);
    if (sent) {
        close(adoption->fd);
    }
    return sent;
}

bool push_reservation_adopt(const push_reservation_t *reservation,
                            const push_adoption_t *adoption)
{
    push_time_t now = push_clock_now();

    if (reservation->reactor ? adopt_here(reservation->reactor, adoption)
                             : adopt_there(reservation, adoption)) {
        return true;
    }
    push_reservation_cancel(reservation);
    push_count_shared(reservation->store->counts,
                      PUSH_COUNT_CLOSED + PUSH_BY_CLOSED_RESTART, 1);
    push_count_time_shared(reservation->store->counts,
                           PUSH_TIME_STREAM_DURATION, PUSH_BY_CLOSED_RESTART,
                           0, 1);
    push_store_checkout(reservation->store, &adoption->stream_ref, &now);
    close(adoption->fd);
    free(adoption->last);
    return false;
}

static bool watch(const push_stream_set_t *set, int fd, uint32_t index,
                  uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = index};

    return !epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool prepare(push_reactor_t *reactor)
{
    push_stream_set_t *set = &reactor->set;
    const push_seats_t *seats = &set->store->seats;

    set->epoll = epoll_create1(EPOLL_CLOEXEC);
    set->start = push_clock_now().mono;
    set->ended = reactor->options.ended;
    set->data = reactor->options.data;
    /* Every write to an eventfd is an edge: its count need not be read. */
    if (set->epoll < 0
        || !watch(set, seats->events[set->seat_index], WAKE_INDEX,
                  EPOLLIN | EPOLLET)
        || !watch(set, seats->receive[set->seat_index], MIGRANT_INDEX, EPOLLIN)
        || !push_stream_set_init(set)) {
        return false;
    }
    push_seat_follow(push_store_broadcast(set->store), set->seat_index);
    return true;
}

static void begin_pulse(const push_reactor_t *reactor)
{
    push_pulse_t *own = &reactor->set.seat->pulse;

    atomic_store(&own->beat, push_clock_now().mono);
    atomic_store(&own->generation, reactor->options.generation);
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
    reactor->set.store = store;
    reactor->set.seat_index = (unsigned)seat;
    reactor->set.seat = &store->seats.seats[seat];
    atomic_store(&reactor->set.seat->limit, options->max_streams);
    begin_pulse(reactor);
    if (!prepare(reactor)
        || !push_thread_start(&reactor->thread, run, reactor)) {
        reactor_cleanup(reactor);
        return NULL;
    }
    return reactor;
}

void push_reactor_end_bridged(push_reactor_t *reactor, push_end_t why)
{
    const push_stream_set_t *set = &reactor->set;

    atomic_store(&reactor->end_bridged, 1 + (int)why);
    push_seat_ring(&set->store->seats, set->seat_index);
}

void push_reactor_part(push_reactor_t *reactor)
{
    const push_stream_set_t *set = &reactor->set;

    atomic_store(&reactor->part, true);
    push_seat_ring(&set->store->seats, set->seat_index);
}

void push_reactor_stop(push_reactor_t *reactor, push_end_t why, bool together,
                       const push_leave_t *leave)
{
    push_stream_set_t *set = &reactor->set;

    reactor->leave = leave;
    atomic_store(&reactor->together, together);
    atomic_store(&reactor->stop, 1 + (int)why);
    push_seat_ring(&set->store->seats, set->seat_index);
    pthread_join(reactor->thread, NULL);
    reactor_cleanup(reactor);
}
