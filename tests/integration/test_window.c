/*
 * The in-flight window: a client that acknowledges stops the server at its
 * limit, one that does not never stalls.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define SLIDING 512 /* the least that a window holds which slides */

#define BASE "PushUser query:user\nPushChannels *\n"

static void publish_many(const struct server *s, int count)
{
    int i;

    for (i = 1; i <= count; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
}

static void expect_many(struct stream *st, int from, int to)
{
    int i;

    for (i = from; i <= to; i++) {
        expect_message(st, i, keep_printf("m%d", i));
    }
}

/* With a heartbeat of 1 s: a beat without an event shows that the server
 * holds back. */
static void expect_a_pause(struct stream *st)
{
    int64_t deadline = wait_now() + WAIT_MS;
    int before = st->beats;

    while (st->beats == before) {
        ck_assert_ptr_null(stream_next_in(st, 50));
        ck_assert_msg(wait_now() < deadline, "no heart beats");
    }
}

START_TEST(with_seq_the_server_stops_at_the_limit_until_an_ack)
{
    struct server_options o = {.receive = BASE
                               "PushMaxInFlight 5\nPushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);

    publish_many(s, 12);
    expect_many(st, 1, 5);
    expect_a_pause(st);
    acknowledge(s, "user=ada&device=d1&seq=2");
    expect_many(st, 6, 7);
    expect_a_pause(st);
    acknowledge(s, "user=ada&device=d1&seq=7");
    expect_many(st, 8, 12);
}
END_TEST

START_TEST(the_limit_holds_over_a_reconnect)
{
    struct server_options o = {.receive = BASE
                               "PushMaxInFlight 5\nPushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);

    publish_many(s, 12);
    expect_many(st, 1, 5);
    stream_close(st);
    st = stream_open(s, "user=ada&device=d1&seq=3", NULL);
    expect_many(st, 4, 8);
    expect_a_pause(st);
}
END_TEST

START_TEST(without_seq_the_window_slides_and_nothing_stalls)
{
    struct server_options o = {.receive = BASE "PushMaxInFlight 5"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1", NULL);
    const char *first = publish(s, "user=ada", NULL, "m1");
    int i;

    for (i = 2; i <= SLIDING + 10; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    expect_many(st, 1, SLIDING + 10);
    ck_assert_int_eq(count_of(s, first, "acked"), 1);
    leave(s, st);
    /* What is still within the window comes again.  That the rest was
     * received, this client does not say. */
    st = stream_open(s, "user=ada&device=d1", NULL);
    stream_expect_gap(st, 10, "mailbox");
    expect_message(st, 1, "m11");
}
END_TEST

START_TEST(a_native_event_source_that_resumes_does_not_stall)
{
    struct server_options o = {.receive = BASE "PushMaxInFlight 5"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1", NULL);
    const struct event *e;

    publish_many(s, 50);
    expect_many(st, 1, 49);
    e = stream_next(st);
    stream_close(st);
    publish(s, "user=ada", NULL, "m51");
    st = stream_open(s, "user=ada&device=d1",
                     keep_printf("Last-Event-ID: %s\r\n", e->id));
    expect_message(st, 51, "m51");
}
END_TEST

START_TEST(what_is_asked_for_wins_over_what_seq_implies)
{
    struct server_options o = {.receive = BASE
                               "PushMaxInFlight 5\nPushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *sliding = stream_open(
        s, "user=ada&device=d1&seq=0&ack=implicit", NULL);
    struct stream *strict = stream_open(s, "user=ada&device=d2&ack=explicit",
                                        NULL);

    publish_many(s, 12);
    expect_many(sliding, 1, 12);
    expect_many(strict, 1, 5);
    expect_a_pause(strict);
}
END_TEST

START_TEST(the_lowest_urgency_that_is_wanted_is_honoured)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(
        s, "user=ada&device=d1&seq=0&urgency=normal", NULL);

    publish(s, "user=ada", "Urgency: low\r\n", "low");
    publish(s, "user=ada", "Urgency: very-low\r\n", "very low");
    publish(s, "user=ada", "Urgency: normal\r\n", "normal");
    expect_message(st, 1, "normal");
    publish(s, "user=ada", "Urgency: high\r\n", "high");
    expect_message(st, 2, "high");
    stream_close(st);
    /* The rest waited for a connect that wants it. */
    st = stream_open(s, "user=ada&device=d1&seq=2", NULL);
    expect_message(st, 3, "low");
    expect_message(st, 4, "very low");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("window");
    TCase *tc = case_add(suite, "window", 60);

    tcase_add_test(tc, with_seq_the_server_stops_at_the_limit_until_an_ack);
    tcase_add_test(tc, the_limit_holds_over_a_reconnect);
    tcase_add_test(tc, without_seq_the_window_slides_and_nothing_stalls);
    tcase_add_test(tc, a_native_event_source_that_resumes_does_not_stall);
    tcase_add_test(tc, what_is_asked_for_wins_over_what_seq_implies);
    tcase_add_test(tc, the_lowest_urgency_that_is_wanted_is_honoured);
    return case_run(suite);
}
