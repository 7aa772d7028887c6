/* test_time.c - sleeps, wake-ups and schedules, on a clock of the test. */
#include <check.h>
#include <string.h>

#include "suite.h"
#include "timed.h"

/* A first stream with a message and then nothing; the next ones repeat it,
 * and add another. */
static int repeat(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_say(r, "HTTP/1.1 204 No Content\r\n\r\n") == 0;
    }
    scripted_stream(r);
    scripted_say(r, "id: 1.m1\ndata: a\n\n");
    if (r->receives > 1) {
        scripted_say(r, "id: 2.m2\ndata: b\n\n");
    }
    scripted_hold(r, -1);
    return 0;
}

START_TEST(after_a_sleep_of_minutes_it_is_back_within_a_second)
{
    uint64_t woken;

    timed_begin(repeat, 1, PUSHC_TRANSPORT_AUTO);
    until_messages(1);
    mini_sleep(&w.mini, 300000);
    woken = mini_now(&w.mini);
    until_waited(1);
    ck_assert_int_eq(w.status, PUSHC_ERR_SILENCE);
    ck_assert_uint_lt(w.delay, 1000);
    until_messages(2);
    ck_assert_uint_lt(w.opened_at - woken, 3000);
    /* The message that came before the sleep is not handed over again. */
    ck_assert_uint_eq(w.messages, 2);
}
END_TEST

/* While the machine slept, bytes came in. */
static int asleep, spoken;

static int speak_in_sleep(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    scripted_stream(r);
    scripted_say(r, "\n");
    while (!__atomic_load_n(&asleep, __ATOMIC_SEQ_CST)) {
        pause_briefly();
    }
    scripted_say(r, "id: 1.m1\ndata: a\n\n");
    __atomic_store_n(&spoken, 1, __ATOMIC_SEQ_CST);
    scripted_hold(r, -1);
    return 0;
}

START_TEST(what_arrived_is_read_before_a_stream_is_called_dead)
{
    timed_begin(speak_in_sleep, 1, PUSHC_TRANSPORT_AUTO);
    w.mini.timer_first = 1;
    until_opened(1);
    __atomic_store_n(&asleep, 1, __ATOMIC_SEQ_CST);
    WAIT_FOR(__atomic_load_n(&spoken, __ATOMIC_SEQ_CST));
    mini_sleep(&w.mini, 8000);
    until_messages(1);
    ck_assert_uint_eq(w.waiting, 0);
    ck_assert_uint_eq(w.opened, 1);
}
END_TEST

static int refuse(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    return scripted_answer(r, 500, "", "");
}

START_TEST(a_server_that_fails_is_asked_no_more_often_than_the_formula_allows)
{
    /* No faster clock: to it a pause of the machine is a sleep. */
    timed_begin(refuse, 1, PUSHC_TRANSPORT_AUTO);
    until_waited_skipping(60);
    /* After the first few, 15 s on average; ten standard deviations off is
     * never by chance. */
    ck_assert_uint_gt(w.total, 60 * 15000 / 3);
    ck_assert_uint_lt(w.total, 60 * 30000);
    ck_assert_uint_le(scripted_count(w.server, "/receive"), 61);
}
END_TEST

START_TEST(a_sleep_during_backoff_ends_it)
{
    timed_begin(refuse, 1, PUSHC_TRANSPORT_AUTO);
    until_waited_skipping(10);
    mini_sleep(&w.mini, 3600000);
    until_waited(11);
    ck_assert_uint_eq(w.waiting, 11);
}
END_TEST

static int keep_alive(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    scripted_stream(r);
    while (scripted_hold(r, 20) == 0 && scripted_say(r, "\n") == 0) {
    }
    return 0;
}

static int never(void *ctx)
{
    (void)ctx;
    return 0;
}

START_TEST(a_minute_of_heartbeats_is_one_stream)
{
    uint64_t end;

    timed_begin(keep_alive, 8, PUSHC_TRANSPORT_AUTO);
    until_opened(1);
    end = mini_now(&w.mini) + 60000;
    while (mini_now(&w.mini) < end) {
        mini_run(&w.mini, never, NULL, 50);
        ck_assert_uint_eq(w.waiting, 0);
    }
    ck_assert_uint_eq(w.opened, 1);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("time", 60);

    tcase_add_checked_fixture(tc, NULL, timed_end);
    tcase_add_test(tc, after_a_sleep_of_minutes_it_is_back_within_a_second);
    tcase_add_test(tc, what_arrived_is_read_before_a_stream_is_called_dead);
    tcase_add_test(
        tc,
        a_server_that_fails_is_asked_no_more_often_than_the_formula_allows);
    tcase_add_test(tc, a_sleep_during_backoff_ends_it);
    tcase_add_test(tc, a_minute_of_heartbeats_is_one_stream);
    return suite_run();
}
