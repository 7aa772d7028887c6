/*
 * Streams over HTTP/2, each on a worker thread of mod_http2: the same wire,
 * and limits; publishes and acknowledgements beside them.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "h2server.h"
#include "http.h"
#include "keep.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define LARGE  30000
#define LARGES 40

/* In clear or over TLS. */
static const bool with_tls[] = {false, true};

START_TEST(without_a_limit_given_a_stream_is_refused)
{
    struct server *s = h2_server("", false, 1);
    struct h2 *c = h2_to(s, false);
    int i;

    for (i = 0; i < 3; i++) {
        struct exchange *x = h2_get(c, "/ramen/receive?user=ada&device=d");

        h2_expect(x, 501);
        ck_assert_ptr_nonnull(strstr(x->body, "Protocols http/1.1"));
        ck_assert_ptr_nonnull(strstr(x->body, "PushMaxBlockingStreams"));
    }
    ck_assert_int_eq(serverlog_count(s, "PUSH0050"), 1);
    ck_assert_int_eq(stat_of(s, "blocking_streams"), 0);
}
END_TEST

/* The harness gives a child 16 threads. */
START_TEST(a_limit_that_may_take_all_threads_is_warned_of)
{
    struct server *s = h2_server("PushMaxBlockingStreams 15", false, 1);
    struct server *t = h2_server("PushMaxBlockingStreams 16", false, 1);

    server_allow(t, "PUSH0052");
    ck_assert_int_eq(serverlog_count(s, "PUSH0052"), 0);
    ck_assert_int_eq(serverlog_count(t, "PUSH0052"), 1);
}
END_TEST

START_TEST(messages_arrive_in_order_and_are_acknowledged_beside)
{
    bool tls = with_tls[_i];
    struct server *s = h2_server("PushMaxBlockingStreams 8", tls, 2);
    struct h2 *c = h2_to(s, tls);
    struct exchange *x = h2_receive(c, "device=d&seq=0"), *ack;
    const char *mid = "";
    int i;

    ck_assert_str_eq(h2_header(x, "content-type"),
                     "text/event-stream; charset=utf-8");
    ck_assert_str_eq(h2_header(x, "cache-control"),
                     "no-store, private, no-transform");
    ck_assert_ptr_nonnull(h2_header(x, "push-device"));
    ck_assert_ptr_null(h2_header(x, "connection"));
    ck_assert_str_eq(h2_header(x, "push-window"), "1024");
    ck_assert_str_eq(h2_header(x, "push-max-message"), "65536");
    wait_until(stat_of(s, "blocking_streams") == 1);
    ck_assert_int_eq(stat_of(s, "streams"), 1);
    for (i = 1; i <= 20; i++) {
        mid = publish(s, "user=ada", NULL, keep_printf("m%d", i));
        h2_await(x, keep_printf("data: m%d\n\n", i));
    }
    for (i = 1; i <= 20; i++) {
        const char *id = strstr(x->body, keep_printf("id: %d.", i));

        ck_assert_ptr_nonnull(id);
        ck_assert_ptr_eq(strstr(id, "data: "),
                         strstr(id, keep_printf("data: m%d\n", i)));
    }
    ack = h2_post(c, "/ramen/ack?user=ada&device=d&seq=20&session=x", "");
    h2_expect(ack, 409);
    ack = h2_post(c,
                  keep_printf("/ramen/ack?user=ada&device=d&seq=20"
                              "&session=%s",
                              h2_header(x, "push-session")),
                  "");
    h2_expect(ack, 204);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    ck_assert(!x->ended);
}
END_TEST

START_TEST(a_head_opens_nothing)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8", false, 1);
    struct h2 *c = h2_to(s, false);
    struct h2_request q = {.method = "HEAD",
                           .target = "/ramen/receive?user=ada&device=d"};
    struct exchange *x = h2_ask(c, &q);

    h2_expect(x, 200);
    ck_assert_str_eq(h2_header(x, "content-type"),
                     "text/event-stream; charset=utf-8");
    ck_assert_str_eq(h2_header(x, "push-window"), "1024");
    ck_assert_str_eq(h2_header(x, "push-max-message"), "65536");
    ck_assert_ptr_null(h2_header(x, "push-session"));
    ck_assert_int_eq(stat_of(s, "streams"), 0);
}
END_TEST

START_TEST(no_filter_holds_a_stream_up)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8\n"
                                 "SetOutputFilter DEFLATE\n"
                                 "Header set X-Extra here",
                                 false, 1);
    struct h2 *c = h2_to(s, false);
    struct h2_request q = {.target = "/ramen/receive?user=ada&device=d&seq=0",
                           .headers = {{"accept-encoding", "gzip"}}};
    struct exchange *x = h2_ask(c, &q);

    h2_await(x, "retry: ");
    publish(s, "user=ada", NULL, "in clear");
    h2_await(x, "data: in clear\n\n");
    ck_assert_ptr_null(h2_header(x, "content-encoding"));
    ck_assert_str_eq(h2_header(x, "x-extra"), "here");
}
END_TEST

/* A connection with streams on it is quiet for longer than its Timeout. */
START_TEST(hearts_beat_and_no_timeout_ends_the_stream)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8\n"
                                 "PushHeartbeat 1300ms\nTimeout 1\n"
                                 "H2StreamTimeout 1",
                                 false, 1);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_receive(c, "device=d&seq=0");
    size_t before = x->length;

    h2_wait_until(c, x->length >= before + 3);
    ck_assert_uint_eq(strspn(x->body + before, "\n"), x->length - before);
    publish(s, "user=ada", NULL, "alive");
    h2_await(x, "\n\n\nid: 1.");
    h2_await(x, "data: alive\n\n");
}
END_TEST

START_TEST(a_connection_carries_four_streams_and_still_acknowledges)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8", false, 1);
    struct h2 *c = h2_to(s, false);
    struct exchange *x[4], *more;
    int i;

    for (i = 0; i < 4; i++) {
        x[i] = h2_receive(c, keep_printf("device=d%d&seq=0", i));
    }
    more = h2_get(c, "/ramen/receive?user=ada&device=d9&seq=0");
    h2_expect(more, 503);
    ck_assert_str_eq(h2_header(more, "retry-after"), "1");
    publish(s, "user=ada", NULL, "to all");
    for (i = 0; i < 4; i++) {
        h2_await(x[i], "data: to all\n\n");
        h2_expect(
            h2_post(c, keep_printf("/ramen/ack?user=ada&device=d%d&seq=1", i),
                    ""),
            204);
    }
    h2_reset(x[0]);
    h2_wait_until(c, stat_of(s, "blocking_streams") == 3);
    h2_receive(c, "device=d9&seq=0");
}
END_TEST

START_TEST(the_limit_holds_and_hinders_nothing_else)
{
    struct server *s = h2_server("PushMaxBlockingStreams 2", false, 1);
    struct h2 *first = h2_to(s, false), *second = h2_to(s, false);
    struct exchange *x = h2_receive(first, "device=d1&seq=0"), *told;
    struct h2_request q = {.target = "/ramen/receive?user=ada&device=d3",
                           .headers = {{"accept", "text/event-stream"}}};

    h2_receive(second, "device=d2&seq=0");
    told = h2_get(second, q.target);
    h2_expect(told, 503);
    ck_assert_str_eq(h2_header(told, "retry-after"), "1");
    ck_assert_ptr_nonnull(strstr(told->body, "PushMaxBlockingStreams"));
    told = h2_ask(second, &q);
    h2_expect(told, 200);
    ck_assert_int_eq(strncmp(told->body, "retry: ", 7), 0);
    q.headers[1][0] = "push-client";
    q.headers[1][1] = "test/1";
    h2_expect(h2_ask(second, &q), 503);
    h2_expect(h2_post(second, "/push/messages?user=ada", "still"), 201);
    h2_await(x, "data: still\n\n");
    expect_message(stream_open(s, "user=ada&device=d3&seq=0", NULL), 1,
                   "still");
    h2_reset(x);
    h2_wait_until(first, stat_of(s, "blocking_streams") == 1);
    h2_await(h2_receive(second, "device=d3&seq=0"), "data: still\n\n");
}
END_TEST

/* It holds on to a thread of this child. */
START_TEST(a_full_child_gives_no_such_stream_to_another)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8\n"
                                 "PushMaxStreams 1",
                                 false, 2);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_receive(c, "device=d&seq=0"), *told;

    wait_until(stat_of(s, "streams") == 1);
    told = h2_get(c, "/ramen/receive?user=ada&device=e&seq=0");
    h2_expect(told, 503);
    ck_assert_ptr_nonnull(strstr(told->body, "(PushMaxStreams)"));
    stream_open(s, "user=ada&device=e&seq=0", NULL);
    h2_reset(x);
    h2_wait_until(c, stat_of(s, "blocking_streams") == 0);
    h2_await(h2_receive(c, "device=d&seq=0"), "retry: ");
}
END_TEST

/* No message comes, no heart beats: it is noticed nevertheless. */
START_TEST(a_client_that_leaves_is_noticed_at_once)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8\nPushHeartbeat 600",
                                 false, 1);
    struct h2 *stays = h2_to(s, false), *goes = h2_to(s, false);
    struct exchange *x = h2_receive(stays, "device=d1&seq=0");
    const char *line;

    h2_receive(goes, "device=d2&seq=0");
    h2_receive(goes, "device=d3&seq=0");
    wait_until(stat_of(s, "blocking_streams") == 3);
    h2_reset(x);
    h2_wait_until(stays, stat_of(s, "blocking_streams") == 2);
    h2_close(goes);
    wait_until(stat_of(s, "blocking_streams") == 0);
    ck_assert_int_eq(stat_of(s, "streams"), 0);
    ck_assert_int_eq(serverlog_count(s, "PUSH0010"), 3);
    line = strstr(server_file(s, "logs/error"), "PUSH0010");
    ck_assert_ptr_nonnull(strstr(line, ", peer, "));
    wait_until(strstr(server_file(s, "logs/access"),
                      "200 \"GET /ramen/receive?user=ada&device=d1&seq=0 "
                      "HTTP/2.0\"")
               != NULL);
}
END_TEST

START_TEST(a_client_that_confirms_nothing_is_given_up)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8\n"
                                 "PushWriteTimeout 1",
                                 false, 1);
    struct h2 *c = h2_open_narrow(s->port);
    char *payload = keep_printf("%*s", LARGE, "x");
    int i;

    h2_receive(c, "device=d&seq=0");
    wait_until(stat_of(s, "blocking_streams") == 1);
    for (i = 0; i < LARGES; i++) {
        publish(s, "user=ada", NULL, payload);
    }
    wait_until(stat_of(s, "blocking_streams") == 0);
}
END_TEST

START_TEST(a_newer_stream_takes_over)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8\n"
                                 "CustomLog logs/bytes \"[%B]\"",
                                 false, 2);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_receive(c, "device=d&seq=0");
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);

    h2_await(x, "event: push.bye\ndata: {\"reason\":\"superseded\"");
    h2_expect(x, 200);
    wait_until(
        strstr(server_file(s, "logs/bytes"), keep_printf("[%zu]", x->length))
        != NULL);
    x = h2_receive(c, "device=d&seq=0");
    stream_expect_bye(st, "superseded");
    publish(s, "user=ada", NULL, "mine");
    h2_await(x, "data: mine\n\n");
}
END_TEST

START_TEST(a_slow_reader_is_overtaken_by_what_is_urgent_and_loses_nothing)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8", false, 1);
    struct h2 *c = h2_to(s, false), *other = h2_to(s, false);
    struct exchange *x = h2_receive(c, "device=d&seq=0");
    char *payload = keep_printf("%*s", LARGE, "x");
    const char *urgent, *last;
    int i;

    h2_pause(x, true);
    for (i = 0; i < LARGES; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d %s", i, payload));
    }
    publish(s, "user=ada", "Urgency: high\r\n", "urgent");
    h2_await(h2_receive(other, "device=e&seq=0"), "data: urgent\n\n");
    h2_pause(x, false);
    last = h2_await(x, keep_printf("data: m%d %s\n\n", LARGES - 1, payload));
    urgent = strstr(x->body, "data: urgent\n\n");
    ck_assert_ptr_nonnull(urgent);
    ck_assert(urgent < last);
    for (i = 0; i < LARGES; i++) {
        ck_assert_ptr_nonnull(
            strstr(x->body, keep_printf("data: m%d %s\n\n", i, payload)));
    }
}
END_TEST

/* Processor time of a process so far, in clock ticks. */
static long ticks_of(pid_t pid)
{
    const char *text = keep_file(keep_printf("/proc/%d/stat", (int)pid), NULL);
    long user = 0, kernel = 0;

    ck_assert_int_eq(sscanf(strrchr(text, ')'),
                            ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                            "%ld %ld",
                            &user, &kernel),
                     2);
    return user + kernel;
}

START_TEST(lines_are_answered_as_they_come_and_silence_costs_nothing)
{
    bool tls = with_tls[_i];
    struct server *s = h2_server("", tls, 1);
    struct h2 *c = h2_to(s, tls);
    struct h2_request q = {
        .method = "POST",
        .target = "/push/messages",
        .headers = {{"content-type", "application/x-ndjson"}},
        .body = "{\"user\":\"ada\",\"text\":\"one\"}\n{\"user\""};
    struct exchange *x = h2_ask(c, &q);
    int64_t until;
    pid_t child;
    long ticks;

    h2_await(x, "\"recipients\":0,\"connected\":0}\n");
    ck_assert_int_eq(stat_of(s, "published"), 1);
    ck_assert_int_eq(server_children(s, &child, 1), 1);
    ticks = ticks_of(child);
    until = wait_now() + 1500;
    while (wait_now() < until) {
        h2_turn(c, 100);
    }
    ck_assert_int_lt(ticks_of(child) - ticks, sysconf(_SC_CLK_TCK) / 2);
    h2_feed(x, ":\"ada\",\"text\":\"two\"}\nnonsense\n");
    h2_await(x, "urn:mod_push:problem:bad-json");
    ck_assert_int_eq(stat_of(s, "published"), 2);
    h2_feed(x, "{\"user\":\"ada\",\"text\":\"three\"}");
    h2_feed(x, NULL);
    h2_expect(x, 200);
    ck_assert_int_eq(stat_of(s, "published"), 3);
    ck_assert_ptr_null(h2_header(x, "connection"));
}
END_TEST

START_TEST(publishers_are_bounded_and_no_limit_of_bodies_ends_them)
{
    static const char line[] = "{\"user\":\"ada\",\"text\":\"one\"}\n";
    struct server *s = h2_server("PushMaxPublishers 2\n"
                                 "LimitRequestBody 100",
                                 false, 1);
    struct h2 *c = h2_to(s, false);
    struct h2_request q = {
        .method = "POST",
        .target = "/push/messages",
        .headers = {{"content-type", "application/x-ndjson"}},
        .body = line};
    struct exchange *x = h2_ask(c, &q), *y = h2_ask(c, &q), *more;

    h2_await(x, "\"id\"");
    h2_await(y, "\"id\"");
    more = h2_ask(c, &q);
    h2_expect(more, 503);
    ck_assert_str_eq(h2_header(more, "retry-after"), "1");
    ck_assert_ptr_nonnull(strstr(more->body, "PushMaxPublishers"));
    ck_assert_int_eq(http_do(s, "POST", "/push/messages",
                             "Content-Type: application/x-ndjson\r\n", line)
                         ->status,
                     503);
    for (int i = 0; i < 20; i++) {
        h2_feed(x, line);
    }
    h2_feed(x, NULL);
    h2_expect(x, 200);
    ck_assert_ptr_null(strstr(x->body, "\"end\""));
    ck_assert_int_eq(stat_of(s, "published"), 22);
    h2_reset(y);
    for (int i = 0; i < 2; i++) {
        do {
            more = h2_ask(c, &q);
            h2_wait_until(c, more->status != 0);
        } while (more->status == 503);
        ck_assert_int_eq(more->status, 200);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http2");
    TCase *tc = case_add(suite, "http2", 60);

    tcase_add_test(tc, without_a_limit_given_a_stream_is_refused);
    tcase_add_test(tc, a_limit_that_may_take_all_threads_is_warned_of);
    tcase_add_loop_test(
        tc, messages_arrive_in_order_and_are_acknowledged_beside, 0, 2);
    tcase_add_test(tc, a_head_opens_nothing);
    tcase_add_test(tc, no_filter_holds_a_stream_up);
    tcase_add_test(tc, hearts_beat_and_no_timeout_ends_the_stream);
    tcase_add_test(tc,
                   a_connection_carries_four_streams_and_still_acknowledges);
    tcase_add_test(tc, the_limit_holds_and_hinders_nothing_else);
    tcase_add_test(tc, a_full_child_gives_no_such_stream_to_another);
    tcase_add_test(tc, a_client_that_leaves_is_noticed_at_once);
    tcase_add_test(tc, a_client_that_confirms_nothing_is_given_up);
    tcase_add_test(tc, a_newer_stream_takes_over);
    tcase_add_test(
        tc, a_slow_reader_is_overtaken_by_what_is_urgent_and_loses_nothing);
    tcase_add_loop_test(
        tc, lines_are_answered_as_they_come_and_silence_costs_nothing, 0, 2);
    tcase_add_test(tc,
                   publishers_are_bounded_and_no_limit_of_bodies_ends_them);
    return case_run(suite);
}
