#include "core_suite.h"
#include "core_world.h"
#include "store/upkeep/sweep.h"
#include "store_shared.h"
#include "store/ops/ack.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * One process as it is in a child of httpd: workers that publish and check
 * devices in, reactors that read and acknowledge, a sweeper, all at once.
 * For ThreadSanitizer above all (make check-threads).
 */

#define ROOM       ((size_t)64 << 20)
#define PUBLISHERS 2
#define REACTORS   2
#define STREAMS    2    /* of each reactor; each of a user of its own */
#define MESSAGES   3000 /* of each publisher to each user, and to the channel */
#define HISTORY    32 /* of the channel: memory is reused under the readers */
#define WAIT_S     60

static fixture_t g;
static _Atomic bool over; /* for those that go on until the others are done */

static void begin(void)
{
    fixture_init(&g, ROOM);
    ck_assert_int_eq(push_seat_claim(&g.store.seats, (uint32_t)getpid()), 1);
    push_store_sit(&g.store, 0);
    g.store.limits.max_pending = 2 * PUBLISHERS * MESSAGES;
    g.store.limits.history = HISTORY;
    atomic_store(&over, false);
}

static void end(void)
{
    fixture_cleanup(&g);
}

/* ---- publishers ---- */

static void publish(push_log_kind_t kind, const char *name, const char *text)
{
    push_audience_t audience = {.kind = kind, .name = named(name)};
    push_message_spec_t d = spec_urgent(text, PUSH_NORMAL);
    push_receipt_t receipt;
    push_status_t status;

    do {
        status = store_publish(&g.store, &audience, &d, &g.now, &receipt);
    } while (status == PUSH_BUSY);
    CHILD_NEEDS(status == PUSH_OK);
}

/* "u0 17" for a user, "c0 17" for the channel: the 18th of publisher 0. */
static void *publisher(void *data)
{
    int number = *(const int *)data;
    char text[32], user[16];

    for (int i = 0; i < MESSAGES; i++) {
        snprintf(text, sizeof(text), "u%d %d", number, i);
        for (int u = 0; u < REACTORS * STREAMS; u++) {
            snprintf(user, sizeof(user), "%d", u);
            publish(PUSH_LOG_USER, user, text);
        }
        text[0] = 'c';
        publish(PUSH_LOG_CHANNEL, "news", text);
    }
    return NULL;
}

/* ---- reactors ---- */

typedef struct {
    char user[16];
    push_stream_ref_t stream_ref;
    push_cursor_t at;
    int next[2][PUBLISHERS]; /* the least that is still to come, by kind */
    unsigned received, dropped;
} reader_t;

typedef struct {
    unsigned seat;
    reader_t readers[STREAMS];
    push_delivery_t delivery;
} reactor_t;

static push_status_t check_in(const char *user, const char *device,
                              unsigned seat, push_stream_ref_t *stream_ref)
{
    push_text_t channel = named("news");
    push_checkin_t c = {.user = named(user),
                        .channels = &channel,
                        .channels_count = 1,
                        .explicit_acks = true,
                        .lowest = PUSH_VERY_LOW,
                        .max_in_flight = 1024,
                        .max_streams = 16,
                        .max_devices = 64,
                        .max_subscriptions = 4096,
                        .seat = seat};

    c.labels[PUSH_LABEL_DEVICE] = named(device);
    return push_store_checkin(&g.store, &c, &g.now, stream_ref);
}

static void reactor_init(reactor_t *r, unsigned seat)
{
    push_ref_t channels[2];

    *r = (reactor_t){.seat = seat};
    for (unsigned i = 0; i < STREAMS; i++) {
        reader_t *reader = &r->readers[i];

        snprintf(reader->user, sizeof(reader->user), "%u", seat * STREAMS + i);
        ck_assert_int_eq(
            check_in(reader->user, "d", seat, &reader->stream_ref), PUSH_OK);
        ck_assert_uint_eq(push_delivery_channels(&g.store, &reader->stream_ref,
                                                 channels, 2),
                          2);
        for (unsigned c = 0; c < 2; c++) {
            push_seat_follow(push_at(&g.store.heaps[0], channels[c]), seat);
        }
    }
}

/* In order, and nothing twice; a user's messages without a gap as well. */
static void receive(reader_t *reader, const push_pick_t *pick)
{
    push_text_t text = world_payload(pick->message);
    char copy[32] = {0}, kind;
    int number, *next;
    unsigned from;

    CHILD_NEEDS(text.len < sizeof(copy));
    memcpy(copy, text.at, text.len);
    CHILD_NEEDS(sscanf(copy, "%c%u %d", &kind, &from, &number) == 3);
    CHILD_NEEDS(from < PUBLISHERS);
    next = &reader->next[kind == 'c'][from];
    CHILD_NEEDS(kind == 'c' ? number >= *next : number == *next);
    *next = number + 1;
    reader->received++;
    reader->at = cursor_mid(pick->seq, pick->message->mid);
}

static void read_along(reactor_t *r, reader_t *reader)
{
    push_seat_t *seat = &g.store.seats.seats[r->seat];
    push_delivery_t *delivery = &r->delivery;
    push_status_t status;
    unsigned count = 0;

    push_epoch_enter(&g.store.epoch, seat);
    status = push_delivery_begin(&g.store, &reader->stream_ref, &g.now,
                                 delivery);
    if (status == PUSH_OK) {
        count = delivery->count;
        for (unsigned i = 0; i < delivery->gaps_count; i++) {
            reader->dropped += delivery->gaps[i].dropped;
        }
        for (unsigned i = 0; i < count; i++) {
            receive(reader, &delivery->picks[i]);
        }
    }
    push_epoch_leave(seat);
    CHILD_NEEDS(status == PUSH_OK || status == PUSH_BUSY);
    if (count) {
        status = push_store_ack(&g.store, named(reader->user),
                                reader->stream_ref.id, &reader->at, &g.now);
        CHILD_NEEDS(status == PUSH_OK || status == PUSH_BUSY);
    }
}

static void take_wakeups(unsigned index)
{
    push_seat_t *seat = &g.store.seats.seats[index];
    uint32_t list;

    push_seat_take(seat);
    list = push_seat_devices(seat);
    while (push_seat_next_device(&g.store.seats, &list)) {
    }
    list = push_seat_channels(seat);
    while (push_seat_next_channel(&g.store.seats, index, &list)) {
    }
    push_seat_taken(seat);
}

static bool has_all(const reactor_t *r)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        if (r->readers[i].received + r->readers[i].dropped
            < 2 * PUBLISHERS * MESSAGES) {
            return false;
        }
    }
    return true;
}

static void *reactor(void *data)
{
    reactor_t *r = data;
    time_t deadline = time(NULL) + WAIT_S;

    while (!has_all(r)) {
        CHILD_NEEDS(time(NULL) < deadline);
        take_wakeups(r->seat);
        for (unsigned i = 0; i < STREAMS; i++) {
            read_along(r, &r->readers[i]);
        }
        sched_yield();
    }
    return NULL;
}

/* ---- the others ---- */

/* Devices of the same users come and go. */
static void *visitor(void *unused)
{
    push_stream_ref_t stream_ref;
    char device[16];

    (void)unused;
    for (unsigned i = 0; !atomic_load(&over); i++) {
        snprintf(device, sizeof(device), "v%u", i % 8);
        if (check_in(i % 2 ? "0" : "3", device, 0, &stream_ref) == PUSH_OK) {
            push_delivery_state(&g.store, &stream_ref);
            push_store_checkout(&g.store, &stream_ref, &g.now);
        }
    }
    return NULL;
}

static void *sweeper(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        atomic_store(&g.store.segment->sweep_next, 0);
        push_store_sweep_due(&g.store, &g.now);
        sched_yield();
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*run)(void *), void *data)
{
    ck_assert_int_eq(pthread_create(thread, NULL, run, data), 0);
}

START_TEST(threads_of_one_process_lose_nothing_and_keep_the_order)
{
    static reactor_t reactors[REACTORS];
    static int numbers[PUBLISHERS];
    pthread_t readers[REACTORS], writers[PUBLISHERS], others[2];

    for (unsigned i = 0; i < REACTORS; i++) {
        reactor_init(&reactors[i], i);
    }
    for (unsigned i = 0; i < REACTORS; i++) {
        start(&readers[i], reactor, &reactors[i]);
    }
    start(&others[0], visitor, NULL);
    start(&others[1], sweeper, NULL);
    for (int i = 0; i < PUBLISHERS; i++) {
        numbers[i] = i;
        start(&writers[i], publisher, &numbers[i]);
    }
    for (int i = 0; i < PUBLISHERS; i++) {
        pthread_join(writers[i], NULL);
    }
    for (int i = 0; i < REACTORS; i++) {
        pthread_join(readers[i], NULL);
    }
    atomic_store(&over, true);
    pthread_join(others[0], NULL);
    pthread_join(others[1], NULL);
    for (int i = 0; i < REACTORS * STREAMS; i++) {
        const reader_t *r = &reactors[i / STREAMS].readers[i % STREAMS];

        ck_assert_uint_eq(r->received + r->dropped, 2 * PUBLISHERS * MESSAGES);
        for (int from = 0; from < PUBLISHERS; from++) {
            ck_assert_int_eq(r->next[0][from], MESSAGES);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tc = unit_case(suite, "threads", 120);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(
        tc, threads_of_one_process_lose_nothing_and_keep_the_order, 0, 5);
    return unit_run(suite);
}
