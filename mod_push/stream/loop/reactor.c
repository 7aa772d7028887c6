#include "stream/loop/reactor.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "store/shm/room.h"
#include "store/shm/thread.h"
#include "stream/loop/keeper.h"
#include "stream/loop/migrants.h"
#include "stream/loop/pace.h"
#include "stream/loop/news.h"
#include "store/shm/clock.h"

#define EVENTS_MAX    512
#define WAIT_MAX_MS   1000u
#define LEAVE_MS      50u  /* between two looks for a new home */
#define LOOK_MS       500u /* between two looks at all streams */
#define LEAVE_AT_ONCE 256u /* streams sent away before others get a turn */

/* What epoll reports that is no stream. */
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
    _Atomic int stop;                   /* 1 + push_end_t */
    _Atomic int end_pumped;             /* 1 + push_end_t, or 0 */
    const _Atomic int64_t *leave_until; /* mono ms; set before stop */
    _Atomic bool together;              /* likewise */

    /* reactor thread only */
    push_keeper_t keeper;
    push_pace_t pace;
    int64_t look_again; /* mono ms; for streams sent to dead processes */
    uint32_t crowd;     /* streams of the whole server, as last counted */
    int64_t looked;     /* when, mono ms */
};

/* ---- reactor thread only ---- */

static void adopt_arrivals(push_reactor_t *reactor)
{
    arrival_t *arrival = atomic_exchange(&reactor->arrivals, NULL);

    while (arrival) {
        arrival_t *next = arrival->next;

        push_migrant_t migrant = {.adoption = arrival->adoption};

        push_keeper_adopt(&reactor->keeper, &migrant);
        free(arrival);
        arrival = next;
    }
}

static void on_event(push_reactor_t *reactor, const struct epoll_event *event)
{
    if (event->data.u32 == MIGRANT_INDEX) {
        push_migrants_adopt(&reactor->keeper, reactor->keeper.seat_index);
    }
    else if (event->data.u32 != WAKE_INDEX) {
        push_keeper_on_event(&reactor->keeper, event->data.u32, event->events);
    }
}

static push_farewell_t farewell(const push_reactor_t *reactor, int why,
                                uint32_t streams)
{
    return (push_farewell_t){
        .why = (push_end_t)(why - 1),
        .retry_ms = reactor->options.retry_ms,
        .spread_ms = (uint32_t)((uint64_t)streams * 1000
                                / reactor->options.accept_rate)};
}

static bool must_end_pumped(push_reactor_t *reactor)
{
    return atomic_load(&reactor->end_pumped)
           && atomic_load(&reactor->keeper.seat->pumped);
}

static void end_pumped(push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;

    if (must_end_pumped(reactor)) {
        push_farewell_t last = farewell(reactor,
                                        atomic_load(&reactor->end_pumped),
                                        atomic_load(&keeper->seat->pumped));

        push_keeper_end_all(keeper, &last, true);
    }
}

/* Another segment takes the place of ours: nothing can move there. */
static void end_superseded(push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;
    uint32_t streams = keeper->streams.count;
    push_farewell_t last;

    if (push_segment_superseded(keeper->store->segment) && streams) {
        last = farewell(reactor, 1 + (int)PUSH_END_RESTART,
                        streams < reactor->crowd ? reactor->crowd : streams);
        push_keeper_end_all(keeper, &last, false);
    }
}

static int may_wait(push_reactor_t *reactor, uint32_t limit)
{
    uint32_t wait = push_keeper_wait(&reactor->keeper, limit);

    if (!wait || !push_seat_sleep(reactor->keeper.seat)) {
        return 0;
    }
    if (atomic_load(&reactor->arrivals) || must_end_pumped(reactor)
        || (atomic_load(&reactor->stop) && limit == WAIT_MAX_MS)) {
        return 0;
    }
    push_pace_rest(&reactor->pace);
    return (int)wait;
}

static void wait_for_events(push_reactor_t *reactor, uint32_t limit)
{
    struct epoll_event events[EVENTS_MAX];
    push_keeper_t *keeper = &reactor->keeper;
    int count = epoll_wait(keeper->epoll, events, EVENTS_MAX,
                           may_wait(reactor, limit));

    push_seat_awake(keeper->seat);
    push_keeper_look_at_clock(keeper);
    for (int i = 0; i < count; i++) {
        on_event(reactor, &events[i]);
    }
}

static void pause_if_busy(push_reactor_t *reactor, uint32_t flushes,
                          uint32_t messages)
{
    uint32_t ms = push_pace_after(&reactor->pace, reactor->keeper.now.mono,
                                  flushes, messages);

    if (ms) {
        poll(NULL, 0, (int)ms);
    }
}

/*
 * Once all processes end, their counts shrink while each looks at them: so
 * what was counted before stands.
 */
static void look_at_all(push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;

    if (keeper->now.mono >= reactor->looked + LOOK_MS) {
        reactor->looked = keeper->now.mono;
        reactor->crowd = push_seat_streams(&keeper->store->seats);
        push_keeper_end_overtaken(keeper);
    }
}

static void turn(push_reactor_t *reactor, uint32_t limit)
{
    push_keeper_t *keeper = &reactor->keeper;
    uint32_t before = keeper->ms;
    uint32_t flushes = keeper->flushes;
    uint32_t messages = keeper->messages;

    look_at_all(reactor);
    adopt_arrivals(reactor);
    if (limit == WAIT_MAX_MS && keeper->now.mono >= reactor->look_again) {
        reactor->look_again = keeper->now.mono + WAIT_MAX_MS;
        push_migrants_adopt_lost(keeper);
    }
    push_keeper_take_news(keeper);
    push_keeper_flush(keeper);
    end_pumped(reactor);
    end_superseded(reactor);
    pause_if_busy(reactor, keeper->flushes - flushes,
                  keeper->messages - messages);
    wait_for_events(reactor, limit);
    push_keeper_expire(keeper);
    push_keeper_beat(keeper, keeper->ms - before);
}

/* How many streams went to the seat that has the fewest. */
static uint32_t send_some(push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;
    const push_seats_t *seats = &keeper->store->seats;
    int seat = push_seat_open(seats);
    uint32_t gone;

    if (seat < 0 || !push_seat_send(&seats->seats[seat])) {
        return 0;
    }
    gone = push_keeper_send_away(keeper, (unsigned)seat, seats->send[seat],
                                 LEAVE_AT_ONCE);
    push_seat_sent(&seats->seats[seat]);
    return gone;
}

/* Streams find a new home in another child while there is time for it. */
static void leave(push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;

    push_seat_close(keeper->seat);
    while (atomic_load(reactor->leave_until) > keeper->now.mono) {
        bool awaited = push_seat_awaited(keeper->seat);

        adopt_arrivals(reactor);
        push_migrants_adopt(&reactor->keeper, reactor->keeper.seat_index);
        if (!awaited && keeper->streams.count == keeper->fixed) {
            break;
        }
        turn(reactor, send_some(reactor) ? 1 : LEAVE_MS);
    }
}

/* How many will come back when this reactor has ended. */
static uint32_t streams_to_return(const push_reactor_t *reactor)
{
    uint32_t streams = reactor->keeper.streams.count;

    if (atomic_load(&reactor->together) && streams < reactor->crowd) {
        streams = reactor->crowd;
    }
    return streams;
}

static void *run(void *data)
{
    push_reactor_t *reactor = data;
    push_keeper_t *keeper = &reactor->keeper;
    push_farewell_t last;

    push_migrants_adopt(&reactor->keeper, reactor->keeper.seat_index);
    while (!atomic_load(&reactor->stop)) {
        turn(reactor, WAIT_MAX_MS);
    }
    leave(reactor);
    adopt_arrivals(reactor);
    push_migrants_adopt(&reactor->keeper, reactor->keeper.seat_index);
    last = farewell(reactor, atomic_load(&reactor->stop),
                    streams_to_return(reactor));
    push_keeper_end_all(keeper, &last, false);
    return NULL;
}

static void reactor_cleanup(push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;

    push_keeper_cleanup(keeper);
    if (keeper->epoll >= 0) {
        close(keeper->epoll);
    }
    push_seat_leave(&keeper->store->seats, keeper->seat_index);
    free(reactor);
}

/* ---- any thread ---- */

unsigned push_reactor_seat(const push_reactor_t *reactor)
{
    return reactor->keeper.seat_index;
}

uint32_t push_reactor_room(const push_reactor_t *reactor)
{
    const push_seat_t *seat = reactor->keeper.seat;
    uint32_t limit = atomic_load(&seat->limit);
    uint32_t streams = atomic_load(&seat->streams);

    return streams < limit ? limit - streams : 0;
}

bool push_berth_reserve(push_berth_t *berth, push_store_t *store,
                        push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;

    *berth = (push_berth_t){store, keeper->seat_index, reactor};
    return push_room_reserve(&store->seats, keeper->seat);
}

/* Whose promises those of this process are. */
static unsigned own_seat(const push_store_t *store)
{
    return push_seat_index(store->tag);
}

bool push_berth_promise(push_berth_t *berth, push_store_t *store)
{
    int seat = push_room_find(&store->seats);

    if (seat < 0) {
        return false;
    }
    *berth = (push_berth_t){store, (unsigned)seat, NULL};
    return push_room_promise(&store->seats, own_seat(store), berth->seat);
}

void push_berth_cancel(const push_berth_t *berth)
{
    if (berth->reactor) {
        push_room_give_back(berth->reactor->keeper.seat);
    }
    else {
        push_room_cancel(&berth->store->seats, own_seat(berth->store));
    }
}

static bool adopt_here(push_reactor_t *reactor,
                       const push_adoption_t *adoption)
{
    push_keeper_t *keeper = &reactor->keeper;
    arrival_t *arrival = malloc(sizeof(*arrival));

    if (!arrival) {
        return false;
    }
    arrival->adoption = *adoption;
    arrival->next = atomic_load(&reactor->arrivals);
    while (!atomic_compare_exchange_weak(&reactor->arrivals, &arrival->next,
                                         arrival)) {
    }
    push_seat_ring(&keeper->store->seats, keeper->seat_index);
    return true;
}

/* The other child gets a descriptor of its own. */
static bool adopt_there(const push_berth_t *berth,
                        const push_adoption_t *adoption)
{
    const push_seats_t *seats = &berth->store->seats;
    push_migrant_t migrant = {.adoption = *adoption,
                              .promised = own_seat(berth->store)};
    bool sent;

    if (!push_seat_send(&seats->seats[berth->seat])) {
        return false;
    }
    sent = push_migration_send(seats->send[berth->seat], &migrant);
    push_seat_sent(&seats->seats[berth->seat]);
    if (sent) {
        close(adoption->fd);
    }
    return sent;
}

bool push_berth_adopt(const push_berth_t *berth,
                      const push_adoption_t *adoption)
{
    push_time_t now = push_clock_now();

    if (berth->reactor ? adopt_here(berth->reactor, adoption)
                       : adopt_there(berth, adoption)) {
        return true;
    }
    push_berth_cancel(berth);
    push_store_checkout(berth->store, &adoption->ticket, &now);
    close(adoption->fd);
    return false;
}

static bool watch(const push_keeper_t *keeper, int fd, uint32_t index,
                  uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = index};

    return !epoll_ctl(keeper->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool prepare(push_reactor_t *reactor)
{
    push_keeper_t *keeper = &reactor->keeper;
    const push_seats_t *seats = &keeper->store->seats;

    keeper->epoll = epoll_create1(EPOLL_CLOEXEC);
    keeper->start = push_clock_now().mono;
    keeper->ended = reactor->options.ended;
    keeper->data = reactor->options.data;
    /* Every write to an eventfd is an edge: its count need not be read. */
    if (keeper->epoll < 0
        || !watch(keeper, seats->events[keeper->seat_index], WAKE_INDEX,
                  EPOLLIN | EPOLLET)
        || !watch(keeper, seats->receive[keeper->seat_index], MIGRANT_INDEX,
                  EPOLLIN)
        || !push_keeper_init(keeper)) {
        return false;
    }
    push_seat_follow(push_store_broadcast(keeper->store), keeper->seat_index);
    return true;
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
    reactor->keeper.store = store;
    reactor->keeper.seat_index = (unsigned)seat;
    reactor->keeper.seat = &store->seats.seats[seat];
    atomic_store(&reactor->keeper.seat->limit, options->max_streams);
    if (!prepare(reactor)
        || !push_thread_start(&reactor->thread, run, reactor)) {
        reactor_cleanup(reactor);
        return NULL;
    }
    return reactor;
}

void push_reactor_end_pumped(push_reactor_t *reactor, push_end_t why)
{
    const push_keeper_t *keeper = &reactor->keeper;

    atomic_store(&reactor->end_pumped, 1 + (int)why);
    push_seat_ring(&keeper->store->seats, keeper->seat_index);
}

void push_reactor_stop(push_reactor_t *reactor, push_end_t why, bool together,
                       const _Atomic int64_t *leave_until)
{
    push_keeper_t *keeper = &reactor->keeper;

    reactor->leave_until = leave_until;
    atomic_store(&reactor->together, together);
    atomic_store(&reactor->stop, 1 + (int)why);
    push_seat_ring(&keeper->store->seats, keeper->seat_index);
    pthread_join(reactor->thread, NULL);
    reactor_cleanup(reactor);
}
