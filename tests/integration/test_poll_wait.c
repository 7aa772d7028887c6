/*
 * Long polls: GET receive with a `wait` that is above 0, and finds nothing at
 * first.
 */
#include <check.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "certificate.h"
#include "h2server.h"
#include "http.h"
#include "keep.h"
#include "poll.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define BASE "PushUser query:user\nPushChannels *\n"

static const char *const mpms[] = {"event", "worker", "prefork"};

START_TEST(a_poll_that_waits_gets_what_is_published)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct wire *w = poll_begin(s, "wait=30&channel=news", NULL);
    struct answer *a;
    const char *mid = publish(s, "channel=news", NULL, "{\"a\":1}");

    a = poll_end(w);
    ck_assert_uint_eq(poll_messages(a), 1);
    ck_assert_int_eq(json_int_at(a->json, "messages.0.data.a"), 1);
    ck_assert_str_eq(http_header(a, "Preference-Applied"), "wait=30");
    ck_assert_str_eq(http_header(a, "Connection"), "close");
    ck_assert_str_eq(http_header(a, "Content-Type"), "application/json");
    ck_assert_str_eq(http_header(a, "Push-Cursor"), "0.00000000000");
    wait_until(stat_of(s, "streams") == 0);
    w = poll_begin(s, keep_printf("wait=30&channel=news%s", poll_next(a)),
                   NULL);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    publish(s, "user=ada", NULL, "x");
    ck_assert_str_eq(poll_text(poll_end(w), 0), "x");
}
END_TEST

START_TEST(the_wait_ends_with_an_empty_batch_after_heartbeats)
{
    struct server_options o = {.receive = BASE "PushHeartbeat 300ms"};
    struct server *s = server_start(&o);
    struct answer *a = poll_end(poll_begin(s, "wait=1", NULL));

    ck_assert_uint_eq(poll_messages(a), 0);
    ck_assert(!poll_more(a));
    ck_assert_int_eq(strncmp(a->body, "\n\n", 2), 0);
    wait_until(stat_of(s, "streams") == 0);
}
END_TEST

START_TEST(events_of_a_poll_end_with_the_first_answer)
{
    static const char accept[] = "Accept: text/event-stream\r\n";
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&wait=30", accept);

    publish(s, "user=ada", NULL, "one");
    expect_message(st, 1, "one");
    stream_expect_end(st);
    st = stream_open(s, "user=ada&device=d&wait=1&seq=1", accept);
    stream_expect_end(st);
}
END_TEST

START_TEST(a_newer_poll_or_stream_takes_over)
{
    struct server *s = server_start(NULL);
    struct wire *first = poll_begin(s, "wait=30", NULL);
    struct wire *second = poll_begin(s, "wait=30", NULL);
    struct answer *a = poll_end(first);

    ck_assert_str_eq(json_text_at(a->json, "bye"), "superseded");
    ck_assert_int_eq(json_int_at(a->json, "retry_ms"), 30000);
    ck_assert_uint_eq(poll_messages(a), 0);
    ck_assert_int_eq(poll_once(s, "")->status, 204);
    ck_assert_str_eq(json_text_at(poll_end(second)->json, "bye"),
                     "superseded");
    first = poll_begin(s, "wait=30", NULL);
    stream_open(s, "user=ada&device=d", NULL);
    ck_assert_str_eq(json_text_at(poll_end(first)->json, "bye"), "superseded");
}
END_TEST

START_TEST(a_poll_takes_over_a_stream)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d", NULL);

    ck_assert_int_eq(poll_once(s, "")->status, 204);
    stream_expect_bye(st, "superseded");
}
END_TEST

START_TEST(a_restart_and_the_end_are_told)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct wire *w = poll_begin(s, "wait=55", NULL);

    server_graceful(s);
    ck_assert_str_eq(json_text_at(poll_end(w)->json, "bye"), "restart");
    w = poll_begin(s, "wait=55", NULL);
    server_stop(s);
    ck_assert_str_eq(json_text_at(poll_end(w)->json, "bye"), "shutdown");
}
END_TEST

START_TEST(an_administrator_ends_a_poll)
{
    struct server *s = server_start(NULL);
    struct wire *w = poll_begin(s, "wait=30", NULL);

    http_do(s, "DELETE", "/push/users/ada/streams", NULL, NULL);
    ck_assert_str_eq(json_text_at(poll_end(w)->json, "bye"), "disconnected");
}
END_TEST

/* Larger than any socket's buffer, of a client that reads slowly. */
START_TEST(a_large_batch_arrives_whole)
{
    struct server_options o = {.global = "PushShmSize 128M",
                               .receive = BASE "PushMaxMessageSize 8M",
                               .admin = "Require local\n"
                                        "PushMaxMessageSize 8M"};
    struct server *s = server_start(&o);
    struct wire *w = poll_begin(s, "wait=30", NULL);
    size_t length = (size_t)3 << 20;
    char *payload = keep(malloc(length + 1), free);
    struct answer *a;

    memset(payload, _i ? '"' : '7', length);
    payload[0] = _i ? 'x' : '[';
    payload[length] = '\0';
    publish(s, "user=ada", NULL, payload);
    a = poll_end(w);
    ck_assert_uint_eq(poll_messages(a), 1);
    ck_assert_str_eq(poll_text(a, 0), payload);
    a = poll_once(s, "");
    ck_assert_str_eq(poll_text(a, 0), payload);
}
END_TEST

static struct answer *tls_end(SSL *ssl, char *text, size_t room)
{
    struct answer *a = keep(calloc(1, sizeof(*a)), free);
    size_t length = 0, got = 1;

    while (got > 0 && length < room) {
        got = 0;
        SSL_read_ex(ssl, text + length, room - length, &got);
        length += got;
    }
    text[length] = '\0';
    a->status = 200;
    a->body = text;
    a->json = json_keep(json_loads(a->body, 0, NULL));
    ck_assert_int_eq(SSL_get_shutdown(ssl), SSL_RECEIVED_SHUTDOWN);
    return a;
}

/* Records that the socket did not take whole have the rest behind them. */
START_TEST(a_large_batch_arrives_whole_over_tls)
{
    static const char ask[] = "GET " POLL_DEVICE "&wait=30 HTTP/1.1\r\n"
                              "Host: localhost\r\n\r\n";
    int port = server_free_port();
    struct server_options o = {
        .global = keep_printf("%s\nPushMaxMessageSize 1M",
                              certificate_host(port)),
    };
    struct server *s = server_start(&o), over_tls = *s;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    size_t length = 1000000, got = 0;
    char *payload = keep(malloc(length + 1), free);
    char *text = keep(calloc(1, 3 * length), free);
    struct wire *w;

    server_allow(s, "AH01882");
    over_tls.port = port;
    w = wire_open(&over_tls, 4096);
    fcntl(w->fd, F_SETFL, 0);
    SSL_set_fd(ssl, w->fd);
    ck_assert_int_eq(SSL_connect(ssl), 1);
    ck_assert_int_eq(SSL_write(ssl, ask, sizeof(ask) - 1), sizeof(ask) - 1);
    while (strstr(text, "\r\n\r\n\n") == NULL) {
        size_t more = 0;

        ck_assert_int_eq(SSL_read_ex(ssl, text + got, length, &more), 1);
        got += more;
    }
    memset(payload, 'x', length);
    payload[length] = '\0';
    publish(s, "user=ada", NULL, payload);
    ck_assert_str_eq(poll_text(tls_end(ssl, text, 2 * length), 0), payload);
    SSL_free(ssl);
    SSL_CTX_free(context);
    wire_close(w);
}
END_TEST

/* ---- HTTP/2 ---- */

START_TEST(http2_carries_polls_that_do_not_wait)
{
    struct server *s = h2_server("", false, 1);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_get(c, POLL_DEVICE "&wait=0");

    h2_expect(x, 204);
    publish(s, "user=ada", NULL, "{}");
    x = h2_get(c, POLL_DEVICE "&wait=0");
    h2_expect(x, 200);
    ck_assert_ptr_nonnull(strstr(x->body, "\"data\":{}"));
    x = h2_get(c, POLL_DEVICE "&wait=30");
    h2_expect(x, 501);
}
END_TEST

START_TEST(http2_carries_polls_that_wait)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8", false, 1);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_get(c, POLL_DEVICE "&wait=30");

    h2_await(x, "\n");
    publish(s, "user=ada", NULL, "{}");
    h2_expect(x, 200);
    ck_assert(x->whole);
    ck_assert_ptr_nonnull(strstr(x->body, "\"data\":{}"));
    ck_assert_str_eq(h2_header(x, "content-type"), "application/json");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("poll that waits");
    TCase *tc = case_add(suite, "waiting", 60);

    tcase_add_row_test(tc, a_poll_that_waits_gets_what_is_published, mpms);
    tcase_add_test(tc, the_wait_ends_with_an_empty_batch_after_heartbeats);
    tcase_add_test(tc, events_of_a_poll_end_with_the_first_answer);
    tcase_add_test(tc, a_newer_poll_or_stream_takes_over);
    tcase_add_test(tc, a_poll_takes_over_a_stream);
    tcase_add_row_test(tc, a_restart_and_the_end_are_told, mpms);
    tcase_add_test(tc, an_administrator_ends_a_poll);
    tcase_add_loop_test(tc, a_large_batch_arrives_whole, 0, 2);
    tcase_add_test(tc, a_large_batch_arrives_whole_over_tls);
    tc = case_add(suite, "http2", 60);
    tcase_add_test(tc, http2_carries_polls_that_do_not_wait);
    tcase_add_test(tc, http2_carries_polls_that_wait);
    return case_run(suite);
}
