/*
 * Behind proxies, as docs/operations.md configures them: streams pass as they
 * are written, stay open while they are silent, and end with their clients.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "proxies.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* What a proxy waits for the next byte; the document says 60 s. */
#define IDLE_SECONDS 3

static struct server *back, *front;

static void start(int proxy, const char *lines)
{
    struct server_options o = {.global = lines};

    back = server_start(&o);
    front = proxy_start(proxy_kinds[proxy], back, IDLE_SECONDS);
}

START_TEST(messages_and_acknowledgements_pass_at_once)
{
    struct stream *st;
    const char *mid = NULL;
    int i;

    start(_i, "");
    st = stream_open(front, "user=ada&device=d&seq=0", NULL);
    for (i = 1; i <= 10; i++) {
        int64_t before = wait_now();
        const struct event *e;

        mid = publish(front, "user=ada", NULL, keep_printf("m%d", i));
        e = stream_next(st);
        ck_assert_str_eq(e->data, keep_printf("m%d", i));
        ck_assert_int_le(e->at - before, 1000);
    }
    acknowledge(front, "user=ada&device=d&seq=10");
    ck_assert_int_eq(count_of(back, mid, "acked"), 1);
    /* As a page of the site itself does it. */
    http_expect(http_do(front, "POST", "/ramen/ack?user=ada&device=d&seq=10",
                        "Origin: http://localhost\r\n", ""),
                204, NULL);
    ck_assert_ptr_nonnull(stream_header(st, "Push-Device"));
}
END_TEST

START_TEST(heartbeats_keep_the_stream_open_and_tell_that_its_client_left)
{
    struct stream *st;
    int64_t opened;

    start(_i, "PushHeartbeat 1");
    st = stream_open(front, "user=ada&device=d&seq=0", NULL);
    opened = wait_now();
    do {
        ck_assert_ptr_null(stream_next_in(st, 1000));
        ck_assert(!st->wire->ended);
    } while (st->beats < 2 * IDLE_SECONDS
             || wait_now() - opened < 2500 * IDLE_SECONDS);
    publish(front, "user=ada", NULL, "still there");
    expect_message(st, 1, "still there");
    stream_close(st);
    wait_until(stat_of(back, "streams") == 0);
}
END_TEST

/* What the test above would be worth without it. */
START_TEST(a_stream_that_is_silent_for_too_long_is_ended_by_the_proxy)
{
    struct stream *st;
    int64_t before = wait_now();

    start(_i, "PushHeartbeat 60");
    st = stream_open(front, "user=ada&device=d&seq=0", NULL);
    stream_expect_end(st);
    ck_assert_int_ge(wait_now() - before, 1000 * IDLE_SECONDS);
    wait_until(stat_of(back, "streams") == 0);
}
END_TEST

START_TEST(a_client_that_was_cut_off_resumes_and_misses_nothing)
{
    struct stream *st;
    const char *cursor;
    const char *mid;

    start(_i, "");
    st = stream_open(front, "user=ada&device=d&seq=0", NULL);
    publish(front, "user=ada", NULL, "one");
    publish(front, "user=ada", NULL, "two");
    cursor = stream_next(st)->id;
    expect_message(st, 2, "two");
    stream_close(st);
    /* the proxy may not know yet that nobody reads this */
    publish(front, "user=ada", NULL, "three");
    st = stream_open(front, keep_printf("user=ada&device=d&id=%s", cursor),
                     NULL);
    expect_message(st, 2, "two");
    expect_message(st, 3, "three");
    proxy_stop(front);
    stream_expect_end(st);
    mid = publish(back, "user=ada", NULL, "four");
    front = proxy_start(proxy_kinds[_i], back, IDLE_SECONDS);
    st = stream_open(front, "user=ada&device=d&seq=3",
                     "Push-Client: test/1\r\n");
    expect_message(st, 4, "four");
    acknowledge(front, "user=ada&device=d&seq=4");
    ck_assert_int_eq(count_of(back, mid, "acked"), 1);
}
END_TEST

START_TEST(lines_pass_and_a_restart_behind_is_not_seen)
{
    struct stream *st;
    struct answer *a;

    start(_i, "");
    st = stream_open(front, "user=ada&device=d&seq=0", NULL);
    a = publish_lines(front, "{\"user\":\"ada\",\"text\":\"one\"}\n"
                             "{\"user\":\"ada\",\"text\":\"two\"}\n");
    ck_assert_ptr_nonnull(strstr(a->body, "\"connected\":1}\n{\"id\""));
    expect_message(st, 1, "one");
    expect_message(st, 2, "two");
    server_graceful(back);
    publish(front, "user=ada", NULL, "three");
    expect_message(st, 3, "three");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxy");
    TCase *tc = case_add(suite, "proxy", 90);
    int all = (int)proxy_kind_count;

    tcase_add_loop_test(tc, messages_and_acknowledgements_pass_at_once, 0,
                        all);
    tcase_add_loop_test(
        tc, heartbeats_keep_the_stream_open_and_tell_that_its_client_left, 0,
        all);
    tcase_add_loop_test(
        tc, a_stream_that_is_silent_for_too_long_is_ended_by_the_proxy, 0,
        all);
    tcase_add_loop_test(
        tc, a_client_that_was_cut_off_resumes_and_misses_nothing, 0, all);
    tcase_add_loop_test(tc, lines_pass_and_a_restart_behind_is_not_seen, 0,
                        all);
    return case_run(suite);
}
