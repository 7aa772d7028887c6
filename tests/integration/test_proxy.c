/*
 * Behind mod_proxy_http: streams pass as they are written, and end with
 * their clients.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static struct server *back, *front;

/* The time-outs of the proxy are shorter than the test is silent. What reads
 * streams here knows no chunks, hence HTTP/1.0 to it. */
static void start(const char *lines)
{
    struct server_options o = {.global = lines};
    struct server_options p = {.bare = true};

    back = server_start(&o);
    p.global = keep_printf(
        "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n"
        "LoadModule proxy_http_module "
        "/usr/lib/apache2/modules/mod_proxy_http.so\n"
        "Timeout 2\nProxyTimeout 2\nProxyPreserveHost On\n"
        "SetEnvIf Request_URI /receive downgrade-1.0\n"
        "ProxyPass /ramen http://127.0.0.1:%d/ramen\n"
        "ProxyPass /push http://127.0.0.1:%d/push\n",
        back->port, back->port);
    front = server_start(&p);
}

START_TEST(messages_and_acknowledgements_pass_at_once)
{
    struct stream *st;
    const char *mid = NULL;
    int i;

    start("");
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

    start("PushHeartbeat 1");
    st = stream_open(front, "user=ada&device=d&seq=0", NULL);
    ck_assert_ptr_null(stream_next_in(st, 3500));
    ck_assert_int_ge(st->beats, 3);
    publish(front, "user=ada", NULL, "still there");
    expect_message(st, 1, "still there");
    stream_close(st);
    wait_until(stat_of(back, "streams") == 0);
}
END_TEST

START_TEST(lines_pass_and_a_restart_behind_is_not_seen)
{
    struct stream *st;
    struct answer *a;

    start("");
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
    TCase *tc = case_add(suite, "proxy", 60);

    tcase_add_test(tc, messages_and_acknowledgements_pass_at_once);
    tcase_add_test(
        tc, heartbeats_keep_the_stream_open_and_tell_that_its_client_left);
    tcase_add_test(tc, lines_pass_and_a_restart_behind_is_not_seen);
    return case_run(suite);
}
