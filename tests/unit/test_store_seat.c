#include "store/shm/seat.h"
#include "core_suite.h"
#include "store_fixture.h"
#include "store/shard/shard.h"
#include "store/shm/clock.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- who sits where ---- */

START_TEST(each_claims_a_seat_of_its_own_until_none_is_left)
{
    uint32_t self = (uint32_t)getpid();

    for (int i = 1; i < FIXTURE_SEATS; i++) {
        ck_assert_int_eq(push_seat_claim(&g.store.seats, self), i);
    }
    ck_assert_int_eq(push_seat_claim(&g.store.seats, self), -1);
    push_seat_leave(&g.store.seats, 2);
    ck_assert_int_eq(push_seat_claim(&g.store.seats, self), 2);
}
END_TEST

static int claim_and_end(void *data)
{
    (void)data;
    CHILD_NEEDS(push_seat_claim(&g.store.seats, (uint32_t)getpid()) == 1);
    g.store.seats.seats[1].reading = 7;
    g.store.seats.seats[1].streams = 9;
    return 0;
}

START_TEST(the_seat_of_a_dead_process_is_taken_and_its_tags_are_void)
{
    push_seat_t *seat = &g.store.seats.seats[1];
    push_seat_set_t left;
    uint32_t tag;

    child_expect(child_start(claim_and_end, NULL));
    tag = push_seat_tag(seat, 1);
    ck_assert(!push_seat_alive(&g.store.seats, tag));
    ck_assert(push_seat_held(&g.store.seats, tag));
    ck_assert(push_seat_reap(&g.store.seats));
    ck_assert(!push_seat_held(&g.store.seats, tag));
    left = push_seat_left(&g.store.seats);
    push_seat_free(&g.store.seats, &left);
    ck_assert_int_eq(push_seat_claim(&g.store.seats, (uint32_t)getpid()), 1);
    ck_assert(!push_seat_alive(&g.store.seats, tag));
    ck_assert(push_seat_alive(&g.store.seats, push_seat_tag(seat, 1)));
    ck_assert_uint_eq(seat->reading, 0);
    ck_assert_uint_eq(seat->streams, 0);
}
END_TEST

START_TEST(a_seat_that_was_left_is_borrowed_from_those_who_would_claim_it)
{
    uint32_t self = (uint32_t)getpid();

    ck_assert_int_eq(push_seat_claim(&g.store.seats, self), 1);
    ck_assert_int_eq(push_seat_claim(&g.store.seats, self), 2);
    ck_assert(!push_seat_borrow(&g.store.seats, 1, self));
    push_seat_leave(&g.store.seats, 1);
    ck_assert(push_seat_borrow(&g.store.seats, 1, self));
    for (int i = 3; i < FIXTURE_SEATS; i++) {
        ck_assert_int_eq(push_seat_claim(&g.store.seats, self), i);
    }
    ck_assert_int_eq(push_seat_claim(&g.store.seats, self), -1);
    push_seat_return(&g.store.seats, 1);
    ck_assert_int_eq(push_seat_claim(&g.store.seats, self), 1);
}
END_TEST

/* ---- wake-ups ---- */

START_TEST(the_streams_of_all_who_sit_are_counted)
{
    push_seat_t *seats = g.store.seats.seats;

    ck_assert_int_eq(push_seat_claim(&g.store.seats, (uint32_t)getpid()), 1);
    seats[0].streams = 3;
    seats[1].streams = 4;
    ck_assert_uint_eq(push_seat_streams(&g.store.seats), 7);
    push_seat_leave(&g.store.seats, 1);
    ck_assert_uint_eq(push_seat_streams(&g.store.seats), 3);
}
END_TEST

START_TEST(a_device_with_many_wake_ups_stands_in_the_list_once)
{
    push_seat_t *seat = &g.store.seats.seats[0];
    push_stream_ref_t stream_ref;
    push_device_t *device;
    uint32_t list;

    ck_assert_int_eq(fixture_checkin(&g, "u", "d", NULL, &stream_ref),
                     PUSH_OK);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(
            fixture_publish(&g, PUSH_LOG_USER, "u", "x", PUSH_HIGH), PUSH_OK);
    }
    list = push_seat_devices(seat);
    device = push_seat_next_device(&g.store.seats, &list);
    ck_assert_ptr_eq(device,
                     push_store_device_at(&g.store, stream_ref.device));
    ck_assert_ptr_null(push_seat_next_device(&g.store.seats, &list));
    ck_assert_uint_eq(push_seat_devices(seat), 0);
    fixture_publish(&g, PUSH_LOG_USER, "u", "x", PUSH_HIGH);
    ck_assert_uint_ne(push_seat_devices(seat), 0);
}
END_TEST

START_TEST(only_seats_that_follow_a_channel_hear_of_it)
{
    push_channel_t *channel;
    push_stream_ref_t stream_ref;
    uint32_t list;

    ck_assert_int_eq(fixture_checkin(&g, "u", "d", "news", &stream_ref),
                     PUSH_OK);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "news", "x", PUSH_HIGH);
    ck_assert_uint_eq(push_seat_channels(&g.store.seats.seats[0]), 0);
    {
        push_name_t name = push_store_name(&g.store, named("news"));

        ck_assert(push_shard_enter(&g.store, name.shard));
        channel = push_store_channel(&g.store, &name, false);
        push_shard_leave(&g.store, name.shard);
    }
    push_seat_follow(channel, 0);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "news", "x", PUSH_HIGH);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "news", "x", PUSH_HIGH);
    ck_assert_uint_eq(push_seat_channels(&g.store.seats.seats[1]), 0);
    list = push_seat_channels(&g.store.seats.seats[0]);
    ck_assert_ptr_eq(push_seat_next_channel(&g.store.seats, 0, &list),
                     channel);
    ck_assert_ptr_null(push_seat_next_channel(&g.store.seats, 0, &list));
    push_seat_unfollow(channel, 0);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "news", "x", PUSH_HIGH);
    ck_assert_uint_eq(push_seat_channels(&g.store.seats.seats[0]), 0);
}
END_TEST

/* ---- no wake-up is lost ---- */

#define HANDOVERS 1000000u
#define DEVICES   7

typedef struct {
    _Atomic uint32_t given[DEVICES]; /* wake-ups by the publisher */
    _Atomic uint32_t taken[DEVICES]; /* wake-ups that the reactor saw */
    _Atomic uint32_t sleeps;
} wakes_t;

static wakes_t *wakes;
static push_stream_ref_t stream_refs[DEVICES];

static bool all_taken(void)
{
    for (int i = 0; i < DEVICES; i++) {
        if (atomic_load(&wakes->taken[i]) != atomic_load(&wakes->given[i])) {
            return false;
        }
    }
    return true;
}

static uint32_t index_of(const push_device_t *device)
{
    uint32_t i = 0;

    while (push_store_device_at(&g.store, stream_refs[i].device) != device) {
        i++;
    }
    return i;
}

/* Sleeps without a time-out whenever the store says that it may. */
static int react(void *data)
{
    push_seat_t *seat = &g.store.seats.seats[0];
    struct pollfd wake = {.fd = g.events[0], .events = POLLIN};
    uint64_t value;

    (void)data;
    for (uint64_t seen = 0; seen < HANDOVERS;) {
        uint32_t list = push_seat_devices(seat);
        push_device_t *device = push_seat_next_device(&g.store.seats, &list);

        while (device) {
            uint32_t i = index_of(device);
            uint32_t now = atomic_load(&wakes->given[i]);

            seen += now - atomic_load(&wakes->taken[i]);
            atomic_store(&wakes->taken[i], now);
            device = push_seat_next_device(&g.store.seats, &list);
        }
        if (seen < HANDOVERS && push_seat_sleep(seat)) {
            atomic_fetch_add(&wakes->sleeps, 1);
            CHILD_NEEDS(poll(&wake, 1, 30000) == 1);
            CHILD_NEEDS(read(wake.fd, &value, sizeof(value)) > 0);
            push_seat_awake(seat);
        }
    }
    return 0;
}

START_TEST(of_a_million_wake_ups_none_is_lost)
{
    dice_t d = dice(1);
    pid_t pid;

    wakes = shared_memory(sizeof(*wakes));
    for (int i = 0; i < DEVICES; i++) {
        char name[2] = {(char)('a' + i), '\0'};

        ck_assert_int_eq(fixture_checkin(&g, "u", name, NULL, &stream_refs[i]),
                         PUSH_OK);
    }
    pid = child_start(react, NULL);
    for (uint32_t i = 0; i < HANDOVERS; i++) {
        int64_t limit = push_clock_now().mono + 20000;
        uint32_t device = dice_below(&d, DEVICES);

        atomic_fetch_add(&wakes->given[device], 1);
        push_seat_wake_device(
            &g.store.seats,
            push_store_device_at(&g.store, stream_refs[device].device));
        while (i % 16 == 0 && !all_taken()) {
            NEEDS(push_clock_now().mono < limit, "a wake-up was lost");
            sched_yield();
        }
    }
    child_expect(pid);
    ck_assert(all_taken());
    ck_assert_uint_gt(wakes->sleeps, 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seat");
    TCase *tc = unit_case(suite, "seat", 120);

    tcase_add_checked_fixture(tc, store_begin, store_end);
    tcase_add_test(tc, each_claims_a_seat_of_its_own_until_none_is_left);
    tcase_add_test(tc,
                   the_seat_of_a_dead_process_is_taken_and_its_tags_are_void);
    tcase_add_test(
        tc, a_seat_that_was_left_is_borrowed_from_those_who_would_claim_it);
    tcase_add_test(tc, the_streams_of_all_who_sit_are_counted);
    tcase_add_test(tc, a_device_with_many_wake_ups_stands_in_the_list_once);
    tcase_add_test(tc, only_seats_that_follow_a_channel_hear_of_it);
    tcase_add_test(tc, of_a_million_wake_ups_none_is_lost);
    return unit_run(suite);
}
