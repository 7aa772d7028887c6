#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core_suite.h"
#include "store/upkeep/sweep.h"
#include "store_shared.h"
#include "store/shm/clock.h"

/* What all children agree on to keep somebody out. */

static push_guard_t *guard;

static void make_guard(void)
{
    guard = shared_memory(sizeof(*guard));
    ck_assert(push_guard_create(guard));
}

static int64_t mono(void)
{
    return push_clock_now().mono;
}

/* ---- tickets ---- */

START_TEST(a_ticket_is_used_once)
{
    ck_assert_int_eq(push_guard_use(guard, named("a"), mono() + 60000),
                     PUSH_OK);
    ck_assert_int_eq(push_guard_use(guard, named("a"), mono() + 60000),
                     PUSH_OVER);
    ck_assert_int_eq(push_guard_use(guard, named("b"), mono() + 60000),
                     PUSH_OK);
}
END_TEST

START_TEST(a_value_is_news_where_another_one_was_the_last)
{
    int64_t later = mono() + 60000;

    ck_assert(push_guard_differs(guard, named("a"), 5, later));
    ck_assert(!push_guard_differs(guard, named("a"), 5, later));
    ck_assert(push_guard_differs(guard, named("b"), 5, later));
    ck_assert(push_guard_differs(guard, named("a"), -7, later));
    ck_assert(push_guard_differs(guard, named("a"), 5, later));
    /* Nothing is kept of what is over. */
    ck_assert(push_guard_differs(guard, named("c"), 5, mono() - 1));
    ck_assert(push_guard_differs(guard, named("c"), 5, later));
}
END_TEST

#define USERS   4
#define TICKETS 2000

typedef struct {
    _Atomic uint32_t used[TICKETS];
} uses_t;

static int use_all(void *data)
{
    uses_t *uses = data;
    char name[32];

    for (int i = 0; i < TICKETS; i++) {
        snprintf(name, sizeof(name), "ticket %d", i);
        if (push_guard_use(guard, named(name), mono() + 60000) == PUSH_OK) {
            atomic_fetch_add(&uses->used[i], 1);
        }
    }
    return 0;
}

START_TEST(of_many_processes_one_uses_a_ticket)
{
    uses_t *uses = shared_memory(sizeof(*uses));
    pid_t pids[USERS];

    for (int i = 0; i < USERS; i++) {
        pids[i] = child_start(use_all, uses);
    }
    for (int i = 0; i < USERS; i++) {
        child_expect(pids[i]);
    }
    for (int i = 0; i < TICKETS; i++) {
        NEEDS(atomic_load(&uses->used[i]) == 1, "ticket %d", i);
    }
}
END_TEST

START_TEST(where_all_places_are_taken_no_ticket_is_used_twice)
{
    const unsigned many = PUSH_MARK_SETS * PUSH_MARK_WAYS * 2;
    unsigned used = 0, refused = 0;
    char name[32];

    for (unsigned i = 0; i < many; i++) {
        snprintf(name, sizeof(name), "%u", i);
        switch (push_guard_use(guard, named(name), mono() + 600000)) {
        case PUSH_OK:
            used++;
            NEEDS(push_guard_use(guard, named(name), mono() + 600000)
                      == PUSH_OVER,
                  "%u is used twice", i);
            break;
        case PUSH_BUSY:
            refused++;
            break;
        default:
            ck_abort_msg("%u", i);
        }
    }
    ck_assert_uint_le(used, PUSH_MARK_SETS * PUSH_MARK_WAYS);
    ck_assert_uint_eq(used + refused, many);
    ck_assert_uint_gt(refused, 0);
}
END_TEST

/* ---- revocations ---- */

START_TEST(tokens_issued_up_to_a_revocation_are_refused)
{
    ck_assert(!push_guard_revoked(guard, named("ada"), 1000));
    ck_assert_int_eq(
        push_guard_revoke(guard, named("ada"), 5000, mono() + 60000), PUSH_OK);
    ck_assert(push_guard_revoked(guard, named("ada"), 0));
    ck_assert(push_guard_revoked(guard, named("ada"), 5000));
    ck_assert(!push_guard_revoked(guard, named("ada"), 5001));
    ck_assert(!push_guard_revoked(guard, named("bob"), 1000));
    ck_assert_int_eq(
        push_guard_revoke(guard, named("ada"), 6000, mono() + 60000), PUSH_OK);
    ck_assert(push_guard_revoked(guard, named("ada"), 6000));
}
END_TEST

START_TEST(a_revocation_ends_when_all_its_tokens_are_over)
{
    ck_assert_int_eq(push_guard_revoke(guard, named("ada"), 5000, mono()),
                     PUSH_OK);
    ck_assert(!push_guard_revoked(guard, named("ada"), 1000));
}
END_TEST

START_TEST(no_revocation_is_forgotten_for_another)
{
    const unsigned many = PUSH_MARK_SETS * PUSH_MARK_WAYS * 2;
    bool *revoked = calloc(many, sizeof(bool));
    unsigned refused = 0;
    char name[32];

    for (unsigned i = 0; i < many; i++) {
        push_status_t status;

        snprintf(name, sizeof(name), "%u", i);
        status = push_guard_revoke(guard, named(name), 5000, mono() + 600000);
        revoked[i] = status == PUSH_OK;
        refused += status == PUSH_TOO_MANY;
    }
    ck_assert_uint_gt(refused, 0);
    for (unsigned i = 0; i < many; i++) {
        snprintf(name, sizeof(name), "%u", i);
        NEEDS(push_guard_revoked(guard, named(name), 1) == revoked[i],
              "user %u", i);
    }
    free(revoked);
}
END_TEST

/* ---- rates ---- */

START_TEST(publishers_and_users_of_one_name_have_a_bucket_each)
{
    int64_t begin;
    push_rate_t rate;
    int taken = 0;

    begin = mono();
    while (
        push_guard_take(guard, PUSH_RATE_PUBLISHER, named("ada"), 3, &rate)) {
        taken++;
    }
    /* What it held, and what came in meanwhile. */
    ck_assert_int_ge(taken, 3);
    ck_assert_int_le(taken, 3 + 3 * (mono() - begin) / 1000);
    ck_assert(push_guard_take(guard, PUSH_RATE_USER, named("ada"), 3, &rate));
    ck_assert(
        push_guard_take(guard, PUSH_RATE_PUBLISHER, named("bob"), 3, &rate));
    ck_assert_uint_eq(rate.remaining, 2);
}
END_TEST

static int take_fifty(void *data)
{
    _Atomic uint32_t *taken = data;
    push_rate_t rate;

    for (int i = 0; i < 50; i++) {
        if (push_guard_take(guard, PUSH_RATE_USER, named("ada"), 60, &rate)) {
            atomic_fetch_add(taken, 1);
        }
    }
    return 0;
}

START_TEST(all_processes_share_one_bucket)
{
    _Atomic uint32_t *taken = shared_memory(sizeof(*taken));
    int64_t begin = mono();
    pid_t pids[USERS];

    for (int i = 0; i < USERS; i++) {
        pids[i] = child_start(take_fifty, (void *)taken);
    }
    for (int i = 0; i < USERS; i++) {
        child_expect(pids[i]);
    }
    /* What it held, and what came in while they ran. */
    ck_assert_uint_ge(atomic_load(taken), 60);
    ck_assert_uint_le(atomic_load(taken),
                      61 + 60 * (uint32_t)(mono() - begin) / 1000);
}
END_TEST

static int die_with_locks(void *data)
{
    (void)data;
    for (unsigned i = 0; i < PUSH_MARK_LOCKS; i++) {
        push_lock_acquire(&guard->revoked.locks[i]);
        push_lock_acquire(&guard->rates.locks[i]);
    }
    return 0;
}

START_TEST(a_process_that_dies_with_the_locks_holds_nobody_up)
{
    push_rate_t rate;

    ck_assert_int_eq(
        push_guard_revoke(guard, named("ada"), 5000, mono() + 60000), PUSH_OK);
    child_expect(child_start(die_with_locks, NULL));
    ck_assert(push_guard_revoked(guard, named("ada"), 1));
    ck_assert(!push_guard_revoked(guard, named("bob"), 1));
    ck_assert(push_guard_take(guard, PUSH_RATE_USER, named("ada"), 1, &rate));
    ck_assert(!push_guard_take(guard, PUSH_RATE_USER, named("ada"), 1, &rate));
}
END_TEST

/* ---- addresses ---- */

START_TEST(streams_of_an_address_are_counted)
{
    uint32_t a = push_guard_address(guard, named("192.0.2.1"));
    uint32_t b = push_guard_address(guard, named("192.0.2.2"));

    ck_assert_uint_eq(push_guard_enter(guard, a), 1);
    ck_assert_uint_eq(push_guard_enter(guard, a), 2);
    ck_assert_uint_eq(push_guard_enter(guard, b), 1);
    push_guard_leave(guard, a);
    ck_assert_uint_eq(push_guard_enter(guard, a), 2);
    ck_assert_uint_eq(push_guard_enter(NULL, a), 1);
    push_guard_leave(NULL, a);
}
END_TEST

START_TEST(many_addresses_do_not_crowd_each_other_out)
{
    unsigned above = 0;
    char name[32];

    for (unsigned i = 0; i < 50000; i++) {
        uint32_t address;

        snprintf(name, sizeof(name), "2001:db8::%x", i);
        address = push_guard_address(guard, named(name));
        above += push_guard_enter(guard, address) > 6;
    }
    ck_assert_uint_lt(above, 20);
}
END_TEST

/* Streams come, go, are taken over, move: the counter follows. */
START_TEST(the_count_of_an_address_is_that_of_its_open_streams)
{
    fixture_t g;
    push_stream_ref_t first, second, other;
    uint32_t address;

    fixture_init(&g, 4 << 20);
    g.store.guard = guard;
    address = push_guard_address(guard, named(""));
    ck_assert_int_eq(fixture_checkin(&g, "ada", "d1", NULL, &first), PUSH_OK);
    ck_assert_int_eq(fixture_checkin(&g, "ada", "d2", NULL, &other), PUSH_OK);
    ck_assert_int_eq(fixture_checkin(&g, "ada", "d1", NULL, &second), PUSH_OK);
    ck_assert_uint_eq(push_guard_enter(guard, address), 3);
    push_guard_leave(guard, address);
    push_store_checkout(&g.store, &first, &g.now);
    push_store_checkout(&g.store, &second, &g.now);
    ck_assert_uint_eq(push_guard_enter(guard, address), 2);
    push_guard_leave(guard, address);
    ck_assert(push_store_move(&g.store, &second, 0));
    ck_assert(push_store_move(&g.store, &second, 0));
    ck_assert_uint_eq(push_guard_enter(guard, address), 3);
    fixture_cleanup(&g);
}
END_TEST

static int die_with_streams(void *data)
{
    fixture_t *g = data;
    push_stream_ref_t stream_ref;

    atomic_store(&g->store.seats.seats[0].pid, (uint32_t)getpid());
    CHILD_NEEDS(fixture_checkin(g, "ada", "d1", NULL, &stream_ref) == PUSH_OK);
    CHILD_NEEDS(fixture_checkin(g, "ada", "d2", NULL, &stream_ref) == PUSH_OK);
    CHILD_NEEDS(push_guard_enter(guard, push_guard_address(guard, named("")))
                == 3);
    push_guard_leave(guard, push_guard_address(guard, named("")));
    return 0;
}

START_TEST(the_streams_of_a_process_that_died_count_no_more)
{
    fixture_t g;

    fixture_init(&g, 4 << 20);
    g.store.guard = guard;
    child_expect(child_start(die_with_streams, &g));
    push_seat_reap(&g.store.seats);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_store_sweep(&g.store, i, &g.now);
    }
    ck_assert_uint_eq(
        push_guard_enter(guard, push_guard_address(guard, named(""))), 1);
    fixture_cleanup(&g);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tc = unit_case(suite, "guard", 60);

    tcase_add_checked_fixture(tc, make_guard, NULL);
    tcase_add_test(tc, a_ticket_is_used_once);
    tcase_add_test(tc, a_value_is_news_where_another_one_was_the_last);
    tcase_add_test(tc, of_many_processes_one_uses_a_ticket);
    tcase_add_test(tc, where_all_places_are_taken_no_ticket_is_used_twice);
    tcase_add_test(tc, tokens_issued_up_to_a_revocation_are_refused);
    tcase_add_test(tc, a_revocation_ends_when_all_its_tokens_are_over);
    tcase_add_test(tc, no_revocation_is_forgotten_for_another);
    tcase_add_test(tc, publishers_and_users_of_one_name_have_a_bucket_each);
    tcase_add_test(tc, all_processes_share_one_bucket);
    tcase_add_test(tc, a_process_that_dies_with_the_locks_holds_nobody_up);
    tcase_add_test(tc, streams_of_an_address_are_counted);
    tcase_add_test(tc, many_addresses_do_not_crowd_each_other_out);
    tcase_add_test(tc, the_count_of_an_address_is_that_of_its_open_streams);
    tcase_add_test(tc, the_streams_of_a_process_that_died_count_no_more);
    return unit_run(suite);
}
