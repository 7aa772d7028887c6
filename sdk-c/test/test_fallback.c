/* test_fallback.c - when polls are taken in place of streams, and when not,
 * on a clock of the test. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "timed.h"

static unsigned streams; /* requests that were no polls */
static unsigned last_wait;

/* Whether the request is a poll, and of what wait. */
static int is_poll(const struct scripted_request *r)
{
    char prefer[32];

    scripted_header(r, "Prefer", prefer, sizeof(prefer));
    if (strncmp(prefer, "wait=", 5) != 0) {
        __atomic_add_fetch(&streams, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    __atomic_store_n(&last_wait, (unsigned)atoi(prefer + 5), __ATOMIC_SEQ_CST);
    return 1;
}

static unsigned count_streams(void)
{
    return __atomic_load_n(&streams, __ATOMIC_SEQ_CST);
}

/* An answer of which no more comes. */
static int hold(struct scripted_request *r)
{
    timed_said(r);
    scripted_hold(r, -1);
    return 0;
}

static int answer_poll(struct scripted_request *r, const char *events)
{
    int again = events[0] ? scripted_answer(
                    r, 200, "Content-Type: text/event-stream\r\n", events)
                          : scripted_answer(r, 204, "", "");

    timed_said(r);
    return again;
}

static int is_ack(struct scripted_request *r)
{
    return strstr(r->target, "/ack?") && scripted_answer(r, 204, "", "");
}

static int heads; /* whether heads come through */

/* A proxy that holds streams back, with their heads or without; polls have a
 * message and then nothing. */
static int held_back(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (is_ack(r)) {
        return 1;
    }
    if (is_poll(r)) {
        return answer_poll(r, last_wait == 0 ? "id: 1.m1\ndata: x\n\n" : "");
    }
    if (heads) {
        scripted_stream(r);
    }
    return hold(r);
}

static void begin(scripted_fn script, int transport)
{
    streams = 0;
    last_wait = 99;
    timed_begin(script, 1, transport);
}

START_TEST(two_streams_that_are_held_back_lead_to_polls)
{
    heads = _i;
    begin(held_back, PUSHC_TRANSPORT_AUTO);
    until_waited_skipping(2);
    ck_assert_int_eq(w.status, heads ? PUSHC_ERR_SILENCE : PUSHC_ERR_DEADLINE);
    ck_assert_int_eq(w.transport, PUSHC_TRANSPORT_STREAM);
    until_received_skipping(3);
    until_messages(1);
    ck_assert_int_eq(w.state, PUSHC_OPEN);
    ck_assert_int_eq(w.transport, PUSHC_TRANSPORT_POLL);
    ck_assert_uint_eq(count_streams(), 2);
    until_received(4);
    ck_assert_uint_eq(last_wait, 25);
}
END_TEST

START_TEST(a_stream_is_tried_again_after_half_an_hour_and_one_is_enough)
{
    uint64_t since;
    unsigned polls;

    heads = 1;
    begin(held_back, PUSHC_TRANSPORT_AUTO);
    until_received_skipping(3);
    since = mini_now(&w.mini);
    until_waited_skipping(3);
    ck_assert_uint_eq(count_streams(), 3);
    ck_assert_uint_ge(mini_now(&w.mini) - since, 1800000 - 5000);
    /* The poll under way ends first, and a pause may follow it. */
    ck_assert_uint_le(mini_now(&w.mini) - since, 1800000 + 120000);
    /* Polls that come back at once with nothing are not sent at once. */
    polls = scripted_count(w.server, "/receive") - 3;
    ck_assert_uint_gt(polls, 1800 / 15 / 3);
    ck_assert_uint_lt(polls, 1800 / 15 * 3);
    until_messages(1);
    until_received_skipping(3 + polls + 2);
    ck_assert_uint_eq(count_streams(), 3);
    ck_assert_int_eq(w.transport, PUSHC_TRANSPORT_POLL);
}
END_TEST

START_TEST(polls_can_be_forbidden)
{
    heads = _i;
    begin(held_back, PUSHC_TRANSPORT_STREAM);
    until_received_skipping(6);
    ck_assert_uint_eq(count_streams(), 6);
}
END_TEST

START_TEST(polls_can_be_all)
{
    begin(held_back, PUSHC_TRANSPORT_POLL);
    until_received_skipping(6);
    ck_assert_uint_eq(count_streams(), 0);
    ck_assert_uint_eq(w.messages, 1);
}
END_TEST

/* A stream that ends between two that are held back. */
static int broken_between(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    is_poll(r);
    scripted_stream(r);
    if (r->receives % 2 == 0) {
        timed_said(r);
        return 0;
    }
    return hold(r);
}

START_TEST(they_have_to_be_two_in_a_row)
{
    begin(broken_between, PUSHC_TRANSPORT_AUTO);
    until_received_skipping(6);
    ck_assert_uint_eq(count_streams(), 6);
}
END_TEST

/* Not answered at all: polls are no better. */
static int dead(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    is_poll(r);
    return hold(r);
}

START_TEST(polls_that_are_not_answered_give_way_to_streams)
{
    begin(dead, PUSHC_TRANSPORT_AUTO);
    until_received_skipping(4);
    ck_assert_uint_eq(count_streams(), 3);
    until_received_skipping(7);
    ck_assert_uint_eq(count_streams(), 5);
}
END_TEST

static int seconds_passed; /* since the head came through */

/* Streams and polls of which one byte comes later than the head. */
static int flowing(void *ctx, struct scripted_request *r)
{
    int polls = is_poll(r);

    (void)ctx;
    if (is_ack(r)) {
        return 1;
    }
    if (polls && last_wait == 0) {
        return answer_poll(r, "");
    }
    if (!polls && heads-- <= 0) {
        scripted_stream(r);
        return hold(r);
    }
    scripted_stream(r);
    while (!__atomic_exchange_n(&seconds_passed, 0, __ATOMIC_SEQ_CST)) {
        if (scripted_hold(r, 5)) {
            return 0;
        }
    }
    scripted_say(r, "id: 1.m%u\ndata: x\n\n", r->receives);
    if (polls) {
        timed_said(r);
        return 0;
    }
    return hold(r);
}

static void pass_seconds(void)
{
    mini_sleep(&w.mini, 4000);
    __atomic_store_n(&seconds_passed, 1, __ATOMIC_SEQ_CST);
}

START_TEST(streams_that_flow_and_fall_silent_do_not_count)
{
    unsigned i;

    heads = 4;
    begin(flowing, PUSHC_TRANSPORT_AUTO);
    for (i = 1; i <= 4; i++) {
        until_opened(i);
        pass_seconds();
        until_messages(i);
        until_received_skipping(i + 1);
    }
    ck_assert_uint_eq(count_streams(), 5);
}
END_TEST

START_TEST(a_poll_that_flows_leads_back_to_streams)
{
    heads = 0;
    begin(flowing, PUSHC_TRANSPORT_AUTO);
    until_received_skipping(4);
    ck_assert_uint_eq(last_wait, 25);
    ck_assert_uint_eq(count_streams(), 2);
    until_heads(4);
    pass_seconds();
    until_messages(1);
    until_received(5);
    ck_assert_uint_eq(count_streams(), 3);
    until_opened(4);
    ck_assert_int_eq(w.transport, PUSHC_TRANSPORT_STREAM);
}
END_TEST

static int may_speak;

/* The first poll is answered, the second late, the third never. */
static int late(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (is_ack(r)) {
        return 1;
    }
    is_poll(r);
    if (r->receives == 1) {
        return answer_poll(r, "");
    }
    if (r->receives > 2) {
        return hold(r);
    }
    timed_said(r);
    while (!__atomic_load_n(&may_speak, __ATOMIC_SEQ_CST)) {
        if (scripted_hold(r, 5)) {
            return 0;
        }
    }
    return answer_poll(r, "id: 1.m1\ndata: x\n\n");
}

START_TEST(a_poll_is_given_its_wait_and_the_time_of_an_attempt)
{
    uint64_t since;

    may_speak = 0;
    begin(late, PUSHC_TRANSPORT_POLL);
    until_received(2);
    mini_sleep(&w.mini, 34000);
    __atomic_store_n(&may_speak, 1, __ATOMIC_SEQ_CST);
    until_messages(1);
    ck_assert_uint_eq(w.waiting, 0);
    until_received(3);
    since = mini_now(&w.mini);
    until_waited_skipping(1);
    ck_assert_int_eq(w.status, PUSHC_ERR_DEADLINE);
    ck_assert_uint_ge(mini_now(&w.mini) - since, 34000);
    ck_assert_uint_le(mini_now(&w.mini) - since, 36000);
    /* The next one finds out soon whether the server is there. */
    until_received_skipping(4);
    ck_assert_uint_eq(last_wait, 0);
}
END_TEST

START_TEST(after_a_sleep_a_poll_is_not_waited_for)
{
    may_speak = 0;
    begin(late, PUSHC_TRANSPORT_POLL);
    until_received(2);
    mini_sleep(&w.mini, 15000);
    pushc_wake(w.client);
    until_waited(1);
    ck_assert_uint_lt(w.delay, 1000);
    until_received(3);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("fallback", 60);

    tcase_add_checked_fixture(tc, NULL, timed_end);
    tcase_add_loop_test(tc, two_streams_that_are_held_back_lead_to_polls, 0,
                        2);
    tcase_add_test(
        tc, a_stream_is_tried_again_after_half_an_hour_and_one_is_enough);
    tcase_add_loop_test(tc, polls_can_be_forbidden, 0, 2);
    tcase_add_test(tc, polls_can_be_all);
    tcase_add_test(tc, they_have_to_be_two_in_a_row);
    tcase_add_test(tc, polls_that_are_not_answered_give_way_to_streams);
    tcase_add_test(tc, streams_that_flow_and_fall_silent_do_not_count);
    tcase_add_test(tc, a_poll_that_flows_leads_back_to_streams);
    tcase_add_test(tc, a_poll_is_given_its_wait_and_the_time_of_an_attempt);
    tcase_add_test(tc, after_a_sleep_a_poll_is_not_waited_for);
    return suite_run();
}
