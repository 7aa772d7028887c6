#include "store/shm/awaited.h"
#include "core_suite.h"
#include "store_shared.h"
#include "store/shm/clock.h"

#include <string.h>
#include <unistd.h>

#define LONG_MS 20000

static push_awaited_t *table;
static const unsigned char key[PUSH_AWAITED_KEY] = "one device";

static void begin(void)
{
    table = shared_memory(sizeof(*table));
    ck_assert(push_awaited_init(table));
}

static push_status_t wait_for(const unsigned char *for_key, int64_t patience,
                              push_wait_ref_t *wait)
{
    push_wait_begin_t how = {.key = for_key,
                             .tag = PUSH_SEAT_NOBODY,
                             .ms = LONG_MS,
                             .patience = patience};

    return push_awaited_begin(table, &how, wait);
}

static int tell_in_child(void *data)
{
    push_wait_result_t answer = {.happened = PUSH_AWAITED_ANSWERED,
                                 .value = 7};

    (void)data;
    while (!push_awaited_tell(table, key, &answer)) {
        usleep(100);
    }
    return 0;
}

START_TEST(what_another_process_tells_ends_the_wait)
{
    pid_t teller = child_start(tell_in_child, NULL);
    push_wait_ref_t wait;
    push_wait_result_t result;

    ck_assert_int_eq(wait_for(key, 0, &wait), PUSH_OK);
    result = push_awaited_wait(&wait, PUSH_AWAITED_ANSWERED, LONG_MS);
    ck_assert_uint_eq(result.happened, PUSH_AWAITED_ANSWERED);
    ck_assert_uint_eq(result.value, 7);
    push_awaited_end(&wait);
    child_expect(teller);
}
END_TEST

START_TEST(what_is_told_before_the_wait_is_slept_on_is_not_missed)
{
    const push_wait_result_t answer = {.happened = PUSH_AWAITED_REFUSED};
    push_wait_ref_t wait;

    ck_assert_int_eq(wait_for(key, 0, &wait), PUSH_OK);
    ck_assert(push_awaited_tell(table, key, &answer));
    ck_assert_uint_eq(
        push_awaited_wait(&wait, PUSH_AWAITED_REFUSED, LONG_MS).happened,
        PUSH_AWAITED_REFUSED);
    push_awaited_end(&wait);
    ck_assert(!push_awaited_tell(table, key, &answer));
}
END_TEST

static int ring_in_child(void *data)
{
    push_bell_ring(data);
    return 0;
}

START_TEST(a_bell_wakes_who_looked_before_it_was_rung)
{
    push_bell_t *bell = shared_memory(sizeof(*bell));
    int64_t began = push_clock_now().mono;

    for (int i = 0; i < 20; i++) {
        uint32_t seen = push_bell_look(bell);
        pid_t ringer = child_start(ring_in_child, bell);

        while (push_bell_look(bell) == seen) {
            push_bell_wait(bell, seen, LONG_MS);
        }
        child_expect(ringer);
    }
    ck_assert_int_lt(push_clock_now().mono - began, LONG_MS);
    push_bell_wait(bell, push_bell_look(bell) - 1, LONG_MS); /* it was */
    push_bell_wait(bell, push_bell_look(bell), 1);
    ck_assert_int_lt(push_clock_now().mono - began, LONG_MS);
    ck_assert_uint_eq(atomic_load(&bell->sleepers), 0);
}
END_TEST

START_TEST(who_wants_it_meanwhile_is_known_at_the_end)
{
    const push_wait_result_t wanted = {
        .happened = PUSH_AWAITED_WANTED, .fence = 9, .by = 1024};
    push_wait_ref_t wait;
    push_wait_result_t result;

    ck_assert_int_eq(wait_for(key, 0, &wait), PUSH_OK);
    ck_assert(push_awaited_tell(table, key, &wanted));
    push_awaited_again(&wait, LONG_MS);
    result = push_awaited_end(&wait);
    ck_assert_uint_eq(result.happened, PUSH_AWAITED_WANTED);
    ck_assert_uint_eq(result.fence, 9);
    ck_assert_uint_eq(result.by, 1024);
}
END_TEST

static int hold_key(void *data)
{
    int *to = data;
    push_wait_ref_t wait;

    CHILD_NEEDS(wait_for(key, 0, &wait) == PUSH_OK);
    CHILD_NEEDS(write(to[1], "", 1) == 1);
    /* The second one comes while this one waits for what nobody tells. */
    push_awaited_wait(&wait, PUSH_AWAITED_ANSWERED, 100);
    push_awaited_end(&wait);
    return 0;
}

START_TEST(two_under_one_key_run_one_after_the_other)
{
    push_wait_begin_t how = {.key = key,
                             .tag = PUSH_SEAT_NOBODY,
                             .ms = LONG_MS,
                             .patience = LONG_MS};
    push_wait_ref_t wait;
    int pipes[2];
    pid_t holder;
    char byte;

    ck_assert_int_eq(pipe(pipes), 0);
    holder = child_start(hold_key, pipes);
    ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
    ck_assert_int_eq(push_awaited_begin(table, &how, &wait), PUSH_OK);
    ck_assert(how.after);
    push_awaited_end(&wait);
    child_expect(holder);
}
END_TEST

START_TEST(a_key_that_is_not_let_go_in_good_time_is_busy_and_others_are_not)
{
    static const unsigned char other[PUSH_AWAITED_KEY] = "another device";
    push_wait_ref_t first, second;

    ck_assert_int_eq(wait_for(key, 0, &first), PUSH_OK);
    ck_assert_int_eq(wait_for(key, 20, &second), PUSH_BUSY);
    ck_assert_int_eq(wait_for(other, 0, &second), PUSH_OK);
    push_awaited_end(&second);
    push_awaited_end(&first);
    ck_assert_int_eq(wait_for(key, 0, &second), PUSH_OK);
}
END_TEST

START_TEST(a_wait_past_its_end_is_taken_and_its_thread_ends_nobody_elses)
{
    push_wait_begin_t brief = {.key = key, .tag = PUSH_SEAT_NOBODY, .ms = 0};
    const push_wait_result_t answer = {.happened = PUSH_AWAITED_ANSWERED};
    push_wait_ref_t first, second;

    ck_assert_int_eq(push_awaited_begin(table, &brief, &first), PUSH_OK);
    ck_assert_int_eq(wait_for(key, 0, &second), PUSH_OK);
    push_awaited_end(&first);
    ck_assert(push_awaited_tell(table, key, &answer));
    ck_assert_uint_eq(push_awaited_end(&second).happened,
                      PUSH_AWAITED_ANSWERED);
}
END_TEST

static fixture_t fixture;

START_TEST(a_wait_of_a_process_that_died_is_taken_at_once)
{
    push_wait_begin_t dead = {
        .key = key, .seats = &fixture.store.seats, .ms = LONG_MS};
    push_wait_ref_t wait;
    push_wait_ref_t next;
    int seat;

    fixture_init(&fixture, 4 << 20);
    seat = push_seat_claim(&fixture.store.seats, (uint32_t)getpid());
    ck_assert_int_ge(seat, 0);
    dead.tag = push_seat_tag(&fixture.store.seats.seats[seat], (unsigned)seat);
    ck_assert_int_eq(push_awaited_begin(table, &dead, &wait), PUSH_OK);
    ck_assert_int_eq(push_awaited_begin(table, &dead, &next), PUSH_BUSY);
    push_seat_leave(&fixture.store.seats, (unsigned)seat);
    ck_assert_int_eq(push_awaited_begin(table, &dead, &next), PUSH_OK);
    fixture_cleanup(&fixture);
}
END_TEST

START_TEST(too_many_waits_are_busy_and_none_is_lost)
{
    enum { MANY = PUSH_AWAITED_SETS * PUSH_AWAITED_WAYS + 1 };
    static push_wait_ref_t waits[MANY];
    unsigned char each[PUSH_AWAITED_KEY] = {0};
    unsigned begun = 0;

    for (uint32_t i = 0; i < MANY; i++) {
        memcpy(each, &i, sizeof(i));
        begun += wait_for(each, 0, &waits[begun]) == PUSH_OK;
    }
    ck_assert_uint_lt(begun, MANY);
    ck_assert_uint_gt(begun, MANY / 2);
    for (unsigned i = 0; i < begun; i++) {
        push_awaited_end(&waits[i]);
    }
    for (uint32_t i = 0; i < PUSH_AWAITED_WAYS; i++) {
        memcpy(each, &i, sizeof(i));
        ck_assert_int_eq(wait_for(each, 0, &waits[i]), PUSH_OK);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("awaited");
    TCase *tc = unit_case(suite, "awaited", 60);

    tcase_add_checked_fixture(tc, begin, NULL);
    tcase_add_test(tc, what_another_process_tells_ends_the_wait);
    tcase_add_test(tc, what_is_told_before_the_wait_is_slept_on_is_not_missed);
    tcase_add_test(tc, a_bell_wakes_who_looked_before_it_was_rung);
    tcase_add_test(tc, who_wants_it_meanwhile_is_known_at_the_end);
    tcase_add_test(tc, two_under_one_key_run_one_after_the_other);
    tcase_add_test(
        tc, a_key_that_is_not_let_go_in_good_time_is_busy_and_others_are_not);
    tcase_add_test(
        tc, a_wait_past_its_end_is_taken_and_its_thread_ends_nobody_elses);
    tcase_add_test(tc, a_wait_of_a_process_that_died_is_taken_at_once);
    tcase_add_test(tc, too_many_waits_are_busy_and_none_is_lost);
    return unit_run(suite);
}
