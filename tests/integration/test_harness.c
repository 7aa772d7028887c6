/*
 * The harness itself, proved on httpd's own handlers: what it would not
 * notice, no other test notices.
 */
#include <check.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "wait.h"

static const struct server_options bare = {.bare = true, .children = 2};

static struct server *start_with_events(const char *text)
{
    struct server_options o = bare;
    struct server *s;

    o.global = "AliasMatch \"^/ramen/\" \"${STREAM}\"\n"
               "<Location \"/ramen\">\nForceType text/event-stream\n"
               "Require all granted\n</Location>\n";
    o.global = keep_printf("Define STREAM htdocs/events\n%s", o.global);
    s = server_start(&o);
    server_write(s, "htdocs/events", text);
    return s;
}

START_TEST(a_server_comes_up_with_all_its_children)
{
    static const char *const mpms[] = {"event", "worker", "prefork"};
    struct server_options o = {.bare = true, .children = 3};
    struct server *s;
    pid_t pids[64];

    o.mpm = mpms[_i];
    s = server_start(&o);
    ck_assert_int_ge(server_children(s, pids, 64), 3);
    server_write(s, "htdocs/page", "hello");
    ck_assert_str_eq(http_get(s, "/page")->body, "hello");
    server_stop(s);
}
END_TEST

START_TEST(an_answer_has_its_status_headers_and_body)
{
    struct server *s = server_start(&bare);
    struct answer *a;

    server_write(s, "htdocs/page", "hello");
    a = http_get(s, "/page");
    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(http_header(a, "content-length"), "5");
    ck_assert_ptr_null(http_header(a, "X-Nothing"));
    ck_assert_str_eq(a->body, "hello");
    ck_assert_int_eq(http_get(s, "/none")->status, 404);
    ck_assert_int_eq(http_do(s, "HEAD", "/page", NULL, NULL)->status, 200);
}
END_TEST

START_TEST(several_requests_go_over_one_connection)
{
    struct server *s = server_start(&bare);
    struct wire *w = wire_open(s, 0);
    struct request q = {.target = "/page"};
    int i;

    server_write(s, "htdocs/page", "hello");
    for (i = 0; i < 3; i++) {
        http_send(w, &q);
    }
    for (i = 0; i < 3; i++) {
        ck_assert_str_eq(http_read(w, false)->body, "hello");
    }
    ck_assert_int_ne(server_child_of(s, w->fd), 0);
}
END_TEST

START_TEST(events_are_read_with_all_their_fields)
{
    struct server *s = start_with_events(
        "retry: 1200\n\n"
        "id: 17.0hZk3x9Qa2B.x7Kq2m\nevent: trip\n"
        "enc: base64\nack: now\ndata: one\ndata: two\n\n"
        "\n\n: comment\ndata\n\nid: 18.AAAAAAAAAAA\n"
        "data: last\n\ndata: cut off\n");
    struct stream *st = stream_open(s, "seq=0", "Connection: close\r\n");
    const struct event *e = stream_next(st);

    ck_assert_int_eq(st->retry, 1200);
    ck_assert_int_eq(e->seq, 17);
    ck_assert_str_eq(e->mid, "0hZk3x9Qa2B");
    ck_assert_str_eq(e->device, "x7Kq2m");
    ck_assert_str_eq(e->type, "trip");
    ck_assert_str_eq(e->enc, "base64");
    ck_assert_str_eq(e->ack, "now");
    ck_assert_str_eq(e->data, "one\ntwo");
    e = stream_next(st);
    ck_assert_int_eq(e->seq, -1);
    ck_assert_uint_eq(e->length, 0);
    ck_assert_int_eq(st->beats, 2);
    expect_message(st, 18, "last");
    stream_expect_end(st);
}
END_TEST

START_TEST(what_the_module_warns_of_is_a_fault_unless_expected)
{
    struct server *s = server_start(&bare);

    ck_assert_ptr_null(serverlog_fault(s));
    server_write(s, "logs/stderr", "[x] [push:warn] [pid 1] PUSH0000: no\n");
    ck_assert_ptr_nonnull(strstr(serverlog_fault(s), "PUSH0000:"));
    server_allow(s, "PUSH0000:");
    ck_assert_ptr_null(serverlog_fault(s));
}
END_TEST

START_TEST(a_child_that_crashes_is_a_fault)
{
    struct server *s = server_start(&bare);
    pid_t pids[64];

    ck_assert_int_ge(server_children(s, pids, 64), 1);
    kill(pids[0], SIGSEGV);
    wait_until(serverlog_fault(s) != NULL);
    ck_assert_ptr_nonnull(strstr(serverlog_fault(s), "exit signal"));
    server_allow(s, "exit signal");
}
END_TEST

START_TEST(a_report_of_a_sanitizer_is_a_fault)
{
    struct server *s = server_start(&bare);

    server_write(s, "logs/asan.17", "heap-use-after-free");
    ck_assert_str_eq(serverlog_fault(s), "heap-use-after-free");
    unlink(keep_printf("%s/logs/asan.17", s->root));
}
END_TEST

START_TEST(a_graceful_restart_brings_new_children)
{
    struct server *s = server_start(&bare);
    pid_t before[64];

    ck_assert_int_eq(server_children(s, before, 64), 2);
    server_graceful(s);
    wait_until(kill(before[0], 0) != 0 && kill(before[1], 0) != 0);
    wait_until(server_children(s, before, 64) == 2);
    ck_assert_int_eq(http_get(s, "/none")->status, 404);
}
END_TEST

START_TEST(a_wrong_configuration_stops_the_start_with_a_sentence)
{
    struct server_options o = bare;

    o.global = "ListenBacklog -5";
    ck_assert_ptr_nonnull(strstr(server_refusal(&o), "ListenBacklog"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("harness");
    TCase *tc = case_add(suite, "servers", 30);

    tcase_add_loop_test(tc, a_server_comes_up_with_all_its_children, 0, 3);
    tcase_add_test(tc, a_graceful_restart_brings_new_children);
    tcase_add_test(tc, a_wrong_configuration_stops_the_start_with_a_sentence);
    tcase_add_test(tc, what_the_module_warns_of_is_a_fault_unless_expected);
    tcase_add_test(tc, a_child_that_crashes_is_a_fault);
    tcase_add_test(tc, a_report_of_a_sanitizer_is_a_fault);
    tc = case_add(suite, "requests", 30);
    tcase_add_test(tc, an_answer_has_its_status_headers_and_body);
    tcase_add_test(tc, several_requests_go_over_one_connection);
    tcase_add_test(tc, events_are_read_with_all_their_fields);
    return case_run(suite);
}
