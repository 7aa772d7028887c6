/*
 * Restarts and ends: what waits outlives them, and streams are told.
 */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static const char *const mpms[] = {"event", "worker", "prefork"};

START_TEST(a_graceful_restart_keeps_what_was_not_delivered)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct stream *st;
    int i, round;

    for (i = 1; i <= 10; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    for (round = 0; round < 3; round++) {
        server_graceful(s);
    }
    ck_assert_int_eq(stat_of(s, "messages"), 10);
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    for (i = 1; i <= 10; i++) {
        expect_message(st, i, keep_printf("m%d", i));
    }
}
END_TEST

/* The message comes on this stream, or on the next one if this was told to
 * come back. Returns the stream to go on with. */
static struct stream *expect_here_or_next(const struct server *s,
                                          struct stream *st, int seq,
                                          const char *text)
{
    const struct event *e = stream_next_in(st, WAIT_MS);

    if (e != NULL && strcmp(e->type, "push.bye") != 0) {
        ck_assert_str_eq(e->data, text);
        ck_assert_int_eq(e->seq, seq);
        return st;
    }
    if (e != NULL) {
        ck_assert_ptr_nonnull(strstr(e->data, "\"restart\""));
    }
    stream_expect_end(st);
    st = stream_open(s, keep_printf("user=ada&device=d1&seq=%d", seq - 1),
                     NULL);
    expect_message(st, seq, text);
    return st;
}

START_TEST(a_stream_resumes_after_a_graceful_restart)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    int seq = 0, round;

    for (round = 0; round < 3; round++) {
        publish(s, "user=ada", NULL, keep_printf("before %d", round));
        seq++;
        expect_message(st, seq, keep_printf("before %d", round));
        server_graceful(s);
        publish(s, "user=ada", NULL, keep_printf("after %d", round));
        seq++;
        st = expect_here_or_next(s, st, seq, keep_printf("after %d", round));
    }
    wait_until(stat_of(s, "streams") == 1);
}
END_TEST

START_TEST(what_was_in_flight_at_a_graceful_restart_comes_again)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);

    publish(s, "user=ada", NULL, "a");
    publish(s, "user=ada", NULL, "b");
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
    stream_close(st);
    server_graceful(s);
    st = stream_open(s, "user=ada&device=d1&seq=1", NULL);
    expect_message(st, 2, "b");
}
END_TEST

START_TEST(publishing_goes_on_through_graceful_restarts)
{
    struct server_options o = {.global = "PushMaxPending 100000\n"
                                         "PushShmSize 256M"};
    struct server *s = server_start(&o);
    struct stream *st;
    int i, round, count = 0;

    for (round = 1; round <= 3; round++) {
        kill(s->pid, SIGUSR1);
        do {
            publish(s, "user=ada", NULL, keep_printf("m%d", ++count));
        } while (serverlog_count(s, "resuming normal operations") <= round);
    }
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    for (i = 1; i <= count; i++) {
        const struct event *e = stream_next_in(st, 2000);

        if (e == NULL || e->id[0] == '\0') {
            st = stream_open(
                s, keep_printf("user=ada&device=d1&seq=%d", i - 1), NULL);
            e = stream_next(st);
        }
        ck_assert_str_eq(e->data, keep_printf("m%d", i));
    }
}
END_TEST

START_TEST(at_the_end_of_the_server_every_stream_is_told)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct stream *streams[10];
    int i;

    for (i = 0; i < 10; i++) {
        streams[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                                 NULL);
    }
    /* A reactor has each of them: until then a stream is a request. */
    for (i = 0; i < 10; i++) {
        publish(s, keep_printf("user=u%d", i), NULL, "last");
        expect_message(streams[i], 1, "last");
    }
    kill(s->pid, SIGTERM);
    for (i = 0; i < 10; i++) {
        stream_expect_bye(streams[i], "shutdown");
        ck_assert_int_gt(streams[i]->retry, 0);
    }
}
END_TEST

START_TEST(a_child_that_is_killed_loses_no_message)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    pid_t holder;

    server_allow(s, "exit signal Killed");
    publish(s, "user=ada", NULL, "a");
    expect_message(st, 1, "a");
    holder = holder_of(s, st);
    server_kill_child(s, holder);
    stream_expect_end(st);
    publish(s, "user=ada", NULL, "b");
    st = stream_open(s, "user=ada&device=d1&seq=1", NULL);
    expect_message(st, 2, "b");
    wait_until(stat_of(s, "streams") == 1);
}
END_TEST

static const char *const counters[] = {"published", "delivered", "acked",
                                       "expired",   "replaced",  "recalled",
                                       "evicted",   "refused"};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static void look_at_counters(const struct server *s, json_int_t *counts)
{
    for (size_t i = 0; i < COUNTERS; i++) {
        counts[i] = stat_of(s, counters[i]);
    }
}

START_TEST(counters_outlive_children_that_are_killed_and_graceful_restarts)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    json_int_t before[COUNTERS], after[COUNTERS];
    pid_t pids[64];
    int i, count;

    server_allow(s, "exit signal Killed");
    for (i = 1; i <= 20; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
        expect_message(st, i, keep_printf("m%d", i));
    }
    acknowledge(s, "user=ada&device=d1&seq=15");
    publish(s, "user=bob", "Topic: t\r\n", "old");
    publish(s, "user=bob", "Topic: t\r\n", "new");
    wait_until(stat_of(s, "delivered") == 20);
    look_at_counters(s, before);
    ck_assert_int_eq(before[0], 22);
    ck_assert_int_eq(before[2], 15);
    ck_assert_int_eq(before[4], 1);
    count = server_children(s, pids, 64);
    for (i = 0; i < count; i++) {
        server_kill_child(s, pids[i]);
    }
    wait_until(server_children(s, pids, 64) >= 1);
    look_at_counters(s, after);
    ck_assert_mem_eq(before, after, sizeof(before));
    server_graceful(s);
    look_at_counters(s, after);
    ck_assert_mem_eq(before, after, sizeof(before));
    publish(s, "user=ada", NULL, "more");
    ck_assert_int_eq(stat_of(s, "published"), 23);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("restart");
    TCase *tc = case_add(suite, "restart", 60);

    tcase_add_loop_test(tc, a_graceful_restart_keeps_what_was_not_delivered, 0,
                        3);
    tcase_add_loop_test(tc, a_stream_resumes_after_a_graceful_restart, 0, 3);
    tcase_add_test(tc, what_was_in_flight_at_a_graceful_restart_comes_again);
    tcase_add_test(tc, publishing_goes_on_through_graceful_restarts);
    tcase_add_loop_test(tc, at_the_end_of_the_server_every_stream_is_told, 0,
                        3);
    tcase_add_test(tc, a_child_that_is_killed_loses_no_message);
    tcase_add_test(
        tc, counters_outlive_children_that_are_killed_and_graceful_restarts);
    return case_run(suite);
}
