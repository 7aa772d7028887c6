/*
 * How streams over HTTP/2 end with their server, and that they leave nothing
 * behind.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "h2server.h"
#include "http.h"
#include "keep.h"
#include "verbs.h"
#include "wait.h"

static const struct {
    const char *mpm;
    bool tls;
} ends[] = {{"event", false}, {"event", true}, {"worker", false}};

START_TEST(a_graceful_restart_says_good_bye_and_the_next_stream_goes_on)
{
    bool tls = ends[_i].tls;
    struct server *s = h2_server_of(ends[_i].mpm, "PushMaxBlockingStreams 8",
                                    tls, 2);
    struct h2 *c = h2_to(s, tls);
    struct exchange *x = h2_receive(c, "device=d&seq=0");
    struct exchange *idle = h2_receive(c, "device=e&seq=0");
    pid_t before[8];
    int count = server_children(s, before, 8), i;

    publish(s, "user=ada", NULL, "a");
    h2_await(x, "data: a\n\n");
    server_graceful(s);
    h2_await(x, "event: push.bye\ndata: {\"reason\":\"restart\"");
    h2_await(idle, "event: push.bye\ndata: {\"reason\":\"restart\"");
    h2_expect(x, 200);
    h2_expect(idle, 200);
    h2_close(c);
    publish(s, "user=ada", NULL, "b");
    x = h2_receive(h2_to(s, tls), "device=d&seq=1");
    h2_await(x, "data: b\n\n");
    ck_assert_ptr_null(strstr(x->body, "data: a\n"));
    /* The old children do not stay for the sake of such streams. */
    for (i = 0; i < count; i++) {
        h2_wait_until(x->connection, kill(before[i], 0) != 0);
    }
}
END_TEST

START_TEST(a_child_that_has_served_its_connections_says_good_bye)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8\n"
                                 "MaxConnectionsPerChild 5",
                                 false, 1);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_receive(c, "device=d&seq=0");
    pid_t before = 0, after = 0;
    int i;

    ck_assert_int_eq(server_children(s, &before, 1), 1);
    for (i = 0; i < 5; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    h2_await(x, "event: push.bye\ndata: {\"reason\":\"restart\"");
    h2_expect(x, 200);
    h2_close(c);
    wait_until(kill(before, 0) != 0);
    wait_until(server_children(s, &after, 1) == 1);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_streams)
{
    bool tls = ends[_i].tls;
    struct server *s = h2_server_of(ends[_i].mpm, "PushMaxBlockingStreams 8",
                                    tls, 2);
    struct h2 *c = h2_to(s, tls);
    int64_t begun;

    /* httpd itself kills after 10 s what does not end. */
    h2_receive(c, "device=d&seq=0");
    h2_receive(c, "device=e&seq=0");
    begun = wait_now();
    server_stop(s);
    ck_assert_int_lt(wait_now() - begun, 10000);
}
END_TEST

/* ---- nothing grows ---- */

static int entries_of(pid_t pid, const char *directory)
{
    char line[64] = "";
    FILE *f = popen(keep_printf("ls /proc/%d/%s | wc -l", (int)pid, directory),
                    "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
    pclose(f);
    return atoi(line);
}

/* Its own memory: the shared segment is touched bit by bit. */
static long resident_kib(pid_t pid)
{
    const char *text = keep_file(keep_printf("/proc/%d/status", (int)pid),
                                 NULL);
    long kib = 0;

    ck_assert_int_eq(sscanf(strstr(text, "RssAnon:"), "RssAnon: %ld", &kib),
                     1);
    return kib;
}

/* So many that in one of them, at least, no thread works for the first time. */
#define PARTS 8

/* Sizes (KiB) before and after each part of a run. A thread that works for the
 * first time makes the child grow once, a leak in every part; and
 * AddressSanitizer keeps what was freed. */
static void expect_no_steady_growth(const long *kib, long most)
{
    long least = kib[1] - kib[0];

    for (int i = 2; i <= PARTS; i++) {
        long grown = kib[i] - kib[i - 1];

        least = grown < least ? grown : least;
    }
    ck_assert_msg(getenv("PUSH_ASAN") != NULL || least <= most,
                  "the child grew by %ld KiB in each part", least);
}

/* Half of the streams end by a reset, half with their connection. */
static void open_and_end(const struct server *s, int rounds)
{
    int i, j;

    for (i = 0; i < rounds; i++) {
        struct h2 *c = h2_to(s, false);
        struct exchange *x[4];

        for (j = 0; j < 4; j++) {
            x[j] = h2_receive(c, keep_printf("device=d%d&seq=0", j));
        }
        publish(s, "user=ada", "TTL: 0\r\n", "x");
        for (j = 0; j < 4; j++) {
            h2_await(x[j], "data: x\n\n");
        }
        h2_reset(x[0]);
        h2_reset(x[1]);
        h2_close(c);
        wait_until(stat_of(s, "blocking_streams") == 0);
    }
}

START_TEST(many_streams_leave_nothing_behind)
{
    struct server *s = h2_server("PushMaxBlockingStreams 4\n"
                                 "KeepAliveTimeout 1",
                                 false, 1);
    long kib[PARTS + 1];
    int files, i;
    pid_t child;

    ck_assert_int_eq(server_children(s, &child, 1), 1);
    open_and_end(s, 10);
    files = entries_of(child, "fd");
    kib[0] = resident_kib(child);
    for (i = 1; i <= PARTS; i++) {
        open_and_end(s, 5);
        kib[i] = resident_kib(child);
    }
    wait_until(entries_of(child, "fd") <= files + 2);
    ck_assert_int_le(entries_of(child, "task"), 64);
    expect_no_steady_growth(kib, 2048 / PARTS);
}
END_TEST

START_TEST(a_long_stream_does_not_grow)
{
    struct server *s = h2_server("PushMaxBlockingStreams 4\nPushMaxPending 9",
                                 false, 1);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_receive(c, "device=d");
    const char *payload = keep_printf("%*s", 900, "x");
    char *lines = keep_printf("{\"user\":\"ada\",\"text\":\"%s\"}\n", payload);
    long kib[PARTS + 1];
    pid_t child;
    int i;

    ck_assert_int_eq(server_children(s, &child, 1), 1);
    for (i = 1; i <= 500 * (PARTS + 1); i++) {
        publish(s, "user=ada", "TTL: 0\r\n", lines);
        h2_await(x, keep_printf("id: %d.", i));
        x->length = 0;
        if (i % 500 == 0) {
            kib[i / 500 - 1] = resident_kib(child);
        }
    }
    expect_no_steady_growth(kib, 1024 / PARTS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http2 ends");
    TCase *tc = case_add(suite, "ends", 120);

    tcase_add_loop_test(
        tc, a_graceful_restart_says_good_bye_and_the_next_stream_goes_on, 0,
        3);
    tcase_add_test(tc, a_child_that_has_served_its_connections_says_good_bye);
    tcase_add_loop_test(tc, a_stop_does_not_wait_for_streams, 0, 3);
    tcase_add_test(tc, many_streams_leave_nothing_behind);
    tcase_add_test(tc, a_long_stream_does_not_grow);
    return case_run(suite);
}
