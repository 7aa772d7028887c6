/*
 * Polls and long polls: GET receive with `wait`, answered by JSON or by SSE.
 */
#include <check.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "certificate.h"
#include "h2server.h"
#include "http.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define BASE   "PushUser query:user\nPushChannels *\n"
#define DEVICE "/ramen/receive?user=ada&device=d"

static const char *const mpms[] = {"event", "worker", "prefork"};

/* A poll of ada's device that may not wait. */
static struct answer *poll_once(const struct server *s, const char *query)
{
    return http_get(s, keep_printf(DEVICE "&wait=0%s", query));
}

/* One that waits, with its head and its first byte. */
static struct wire *poll_begin(const struct server *s, const char *query,
                               const char *headers)
{
    struct wire *w = wire_open(s, 0);
    struct request q = {.target = keep_printf(DEVICE "&%s", query),
                        .headers = headers};
    const char *head_end = NULL;

    http_send(w, &q);
    while (head_end == NULL || head_end[4] == '\0') {
        ck_assert_msg(wire_receive(w, wait_now() + WAIT_MS),
                      "no head: %.2000s", w->bytes);
        head_end = strstr(w->bytes, "\r\n\r\n");
    }
    return w;
}

static struct answer *poll_end(struct wire *w)
{
    struct answer *a = http_read(w, false);

    ck_assert_int_eq(a->status, 200);
    ck_assert(w->ended && !w->reset);
    wire_close(w);
    return a;
}

static size_t messages_in(const struct answer *a)
{
    ck_assert_msg(a->status == 200, "no batch: %s%s", a->head, a->body);
    return json_array_size(json_at(a->json, "messages"));
}

/* The cursor behind the batch, as it stands in a query. */
static const char *next_of(const struct answer *a)
{
    return keep_printf("&id=%s", json_text_at(a->json, "cursor"));
}

static bool more_of(const struct answer *a)
{
    const json_t *more = json_at(a->json, "more");

    ck_assert(json_is_boolean(more));
    return json_is_true(more);
}

static const char *data_of(const struct answer *a, int index)
{
    return json_text_at(a->json, keep_printf("messages.%d.text", index));
}

/* ---- without waiting ---- */

START_TEST(nothing_is_204_and_the_next_poll_gets_what_came_since)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct answer *a = poll_once(s, "");

    ck_assert_int_eq(a->status, 204);
    ck_assert_str_eq(http_header(a, "Push-Cursor"), "0.00000000000");
    ck_assert_str_eq(http_header(a, "Preference-Applied"), "wait=0");
    ck_assert_str_eq(http_header(a, "Cache-Control"),
                     "no-store, private, no-transform");
    ck_assert_ptr_nonnull(http_header(a, "Push-Device"));
    ck_assert_ptr_nonnull(http_header(a, "Push-Session"));
    publish(s, "user=ada", NULL, "one");
    publish(s, "user=ada", "Urgency: high\r\n", "two");
    a = poll_once(s, "&id=0.00000000000");
    ck_assert_uint_eq(messages_in(a), 2);
    ck_assert_str_eq(http_header(a, "Content-Type"), "application/json");
    ck_assert_str_eq(data_of(a, 0), "two");
    ck_assert_str_eq(data_of(a, 1), "one");
    ck_assert(!more_of(a));
    ck_assert_str_eq(json_text_at(a->json, "cursor"),
                     json_text_at(a->json, "messages.1.id"));
    ck_assert_uint_eq(json_array_size(json_at(a->json, "gaps")), 0);
    ck_assert_int_eq(stat_of(s, "streams"), 0);
}
END_TEST

START_TEST(the_cursor_of_the_next_poll_acknowledges)
{
    struct server *s = server_start(NULL);
    const char *mid, *cursor;
    struct answer *a;

    poll_once(s, "");
    mid = publish(s, "user=ada", NULL, "one");
    a = poll_once(s, "");
    ck_assert_int_eq(count_of(s, mid, "in-flight"), 1);
    cursor = next_of(a);
    a = poll_once(s, "");
    ck_assert_msg(messages_in(a) == 1, "it was not acknowledged");
    a = poll_once(s, cursor);
    ck_assert_int_eq(a->status, 204);
    ck_assert_str_eq(http_header(a, "Push-Cursor"), cursor + 4);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    publish(s, "user=ada", NULL, "two");
    a = poll_once(s, cursor);
    ck_assert_str_eq(data_of(a, 0), "two");
    ck_assert_int_eq(atoi(json_text_at(a->json, "cursor")), 2);
}
END_TEST

START_TEST(a_made_up_device_stays_the_same)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_get(s, "/ramen/receive?user=ada&wait=0");
    const char *cursor = http_header(a, "Push-Cursor");
    const char *device = http_header(a, "Push-Device");

    ck_assert_int_eq(a->status, 204);
    ck_assert_uint_eq(strlen(cursor), strlen("0.00000000000.") + 8);
    publish(s, "user=ada", NULL, "one");
    a = http_get(s,
                 keep_printf("/ramen/receive?user=ada&wait=0&id=%s", cursor));
    ck_assert_str_eq(data_of(a, 0), "one");
    ck_assert_str_eq(http_header(a, "Push-Device"), device);
    ck_assert_str_eq(strrchr(json_text_at(a->json, "cursor"), '.'),
                     strrchr(cursor, '.'));
}
END_TEST

START_TEST(a_payload_comes_back_as_it_was_published)
{
    struct server *s = server_start(NULL);
    struct answer *a;

    poll_once(s, "");
    publish_lines(s, "{\"user\":\"ada\",\"data\":{\"a\":[1,\"\\u00e9\"]}}\n"
                     "{\"user\":\"ada\",\"text\":\"a\\n\\\"b\\\"\"}\n"
                     "{\"user\":\"ada\",\"base64\":\"//4A\"}\n"
                     "{\"user\":\"ada\",\"text\":\"\",\"event\":\"e\","
                     "\"receipt\":true}\n");
    a = poll_once(s, "&meta=type,channel,urgency,time");
    ck_assert_uint_eq(messages_in(a), 4);
    ck_assert_str_eq(json_text_at(a->json, "messages.0.data.a.1"), "\xc3\xa9");
    ck_assert_str_eq(data_of(a, 1), "a\n\"b\"");
    ck_assert_str_eq(json_text_at(a->json, "messages.2.base64"), "//4A");
    ck_assert_str_eq(data_of(a, 3), "");
    ck_assert_str_eq(json_text_at(a->json, "messages.3.event"), "e");
    ck_assert_str_eq(json_text_at(a->json, "messages.3.ack"), "now");
    ck_assert_str_eq(json_text_at(a->json, "messages.3.urgency"), "normal");
    json_int_at(a->json, "messages.3.time");
    ck_assert_ptr_null(json_at(a->json, "messages.3.channel"));
}
END_TEST

START_TEST(a_batch_is_bounded_and_says_that_there_is_more)
{
    struct server *s = server_start(NULL);
    const char *lines = "", *cursor = "";
    struct answer *a;
    int i;

    poll_once(s, "");
    for (i = 0; i < 250; i++) {
        lines = keep_printf("%s{\"user\":\"ada\",\"text\":\"m%d\"}\n", lines,
                            i);
    }
    publish_lines(s, lines);
    for (i = 0; i < 250; i += 120) {
        a = poll_once(s, cursor);
        ck_assert_uint_eq(messages_in(a), i < 240 ? 120 : 10);
        ck_assert_str_eq(data_of(a, 0), keep_printf("m%d", i));
        ck_assert_int_eq(more_of(a), i < 240);
        cursor = next_of(a);
    }
    ck_assert_int_eq(poll_once(s, cursor)->status, 204);
}
END_TEST

START_TEST(a_window_that_is_full_is_told_as_more)
{
    struct server_options o = {.receive = BASE "PushMaxInFlight 2"};
    struct server *s = server_start(&o);
    struct answer *a;

    poll_once(s, "");
    publish_lines(s, "{\"user\":\"ada\",\"text\":\"1\"}\n"
                     "{\"user\":\"ada\",\"text\":\"2\"}\n"
                     "{\"user\":\"ada\",\"text\":\"3\"}\n");
    a = poll_once(s, "&ack=implicit");
    ck_assert_uint_eq(messages_in(a), 2);
    ck_assert(more_of(a));
    a = poll_once(s, next_of(a));
    ck_assert_uint_eq(messages_in(a), 1);
    ck_assert(!more_of(a));
}
END_TEST

START_TEST(polls_share_a_connection)
{
    struct server *s = server_start(NULL);
    struct wire *w = wire_open(s, 0);
    struct request q = {.target = DEVICE "&wait=0"};
    struct answer *a;
    int i;

    for (i = 0; i < 3; i++) {
        http_send(w, &q);
        a = http_read(w, false);
        ck_assert_int_eq(a->status, 204);
        ck_assert(!a->closed);
    }
    publish(s, "user=ada", NULL, "x");
    q.target = DEVICE "&wait=30";
    http_send(w, &q);
    a = http_read(w, false);
    ck_assert_uint_eq(messages_in(a), 1);
    ck_assert(!a->closed);
    http_send(w, &q);
    ck_assert_uint_eq(messages_in(http_read(w, false)), 1);
    wire_close(w);
}
END_TEST

/* ---- how the answer looks ---- */

static const struct {
    const char *accept;
    bool events;
} accepts[] = {
    {"", false},
    {"*/*", false},
    {"text/event-stream", true},
    {"application/json", false},
    {"application/json, text/event-stream", false},
    {"text/event-stream;q=0.9, application/json;q=0.5", true},
    {"text/event-stream ; q=0.4 , */*;q=0.5", false},
    {"text/*", true},
    {"text/html", false},
};

START_TEST(accept_chooses_between_json_and_events)
{
    struct server *s = server_start(NULL);
    const char *accept = *accepts[_i].accept ? keep_printf("Accept: %s\r\n",
                                                           accepts[_i].accept)
                                             : "";
    struct answer *a;

    poll_once(s, "");
    publish(s, "user=ada", NULL, "{}");
    a = http_do(s, "GET", DEVICE "&wait=0", accept, NULL);
    ck_assert_int_eq(a->status, 200);
    if (!accepts[_i].events) {
        ck_assert_uint_eq(messages_in(a), 1);
        return;
    }
    ck_assert_str_eq(http_header(a, "Content-Type"),
                     "text/event-stream; charset=utf-8");
    ck_assert_int_eq(strncmp(a->body, "retry: ", 7), 0);
    ck_assert_ptr_nonnull(strstr(a->body, "\n\nid: 1."));
    ck_assert_str_eq(strstr(a->body, "\ndata: "), "\ndata: {}\n\n");
}
END_TEST

static const char *const bad[] = {"wait=",        "wait=-1",
                                  "wait=1.5",     "wait=a",
                                  "wait=31",      "wait=99999999999999999999",
                                  "wait=1&wait=2"};

START_TEST(a_wait_out_of_range_is_refused)
{
    struct server_options o = {.receive = BASE "PushMaxWait 30"};
    struct server *s = server_start(&o);
    struct answer *a = http_get(s, keep_printf(DEVICE "&%s", bad[_i]));

    http_expect(a, 400, "wait: ");
    ck_assert(strstr(bad[_i], "&") || strstr(a->body, "from 0 to 30"));
}
END_TEST

static const struct {
    const char *prefer;
    const char *applied; /* NULL: it is no poll */
} prefers[] = {
    {"wait=0", "wait=0"},   {"respond-async, wait=0", "wait=0"},
    {"WAIT = 0", "wait=0"}, {"wait=3600", "wait=30"},
    {"wait", NULL},         {"wait=x", NULL},
    {"nowait=0", NULL},
};

START_TEST(the_preference_is_as_good_as_the_parameter)
{
    struct server_options o = {.receive = BASE "PushMaxWait 30"};
    struct server *s = server_start(&o);
    struct answer *a = http_do(
        s, "HEAD", DEVICE, keep_printf("Prefer: %s\r\n", prefers[_i].prefer),
        NULL);

    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(http_header(a, "Content-Type"),
                     prefers[_i].applied ? "application/json"
                                         : "text/event-stream; charset=utf-8");
    if (prefers[_i].applied) {
        ck_assert_str_eq(http_header(a, "Preference-Applied"),
                         prefers[_i].applied);
    }
    a = http_do(s, "GET", DEVICE "&wait=0", "Prefer: wait=5\r\n", NULL);
    ck_assert_int_eq(a->status, 204);
}
END_TEST

/* ---- gaps ---- */

START_TEST(gaps_stand_beside_the_messages)
{
    struct server_options o = {.global = "PushMaxPending 2"};
    struct server *s = server_start(&o);
    struct answer *a;

    poll_once(s, "");
    publish(s, "user=ada", NULL, "1");
    publish(s, "user=ada", NULL, "2");
    publish(s, "user=ada", NULL, "3");
    a = poll_once(s, "");
    ck_assert_uint_eq(messages_in(a), 2);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    ck_assert_str_eq(json_text_at(a->json, "gaps.0.reason"), "mailbox");
    ck_assert_str_eq(json_text_at(a->json, "gaps.0.urgency"), "normal");
    ck_assert_int_eq(poll_once(s, next_of(a))->status, 204);
}
END_TEST

START_TEST(a_gap_alone_is_told_at_the_end_of_the_wait)
{
    struct server_options o = {.global = "PushMaxPending 1"};
    struct server *s = server_start(&o);
    struct answer *a;
    const char *mid;

    poll_once(s, "");
    publish(s, "user=ada", NULL, "1");
    mid = publish(s, "user=ada", NULL, "2");
    http_do(s, "DELETE", keep_printf("/push/messages/%s", mid), NULL, NULL);
    a = poll_once(s, "");
    ck_assert_uint_eq(messages_in(a), 0);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    ck_assert_ptr_null(json_at(a->json, "cursor"));
    a = poll_end(poll_begin(s, "wait=1", NULL));
    ck_assert_uint_eq(messages_in(a), 0);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    publish(s, "user=ada", NULL, "3");
    a = http_get(s, DEVICE "&wait=30");
    ck_assert_uint_eq(messages_in(a), 1);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    ck_assert_int_eq(poll_once(s, next_of(a))->status, 204);
}
END_TEST

/* ---- waiting ---- */

START_TEST(a_poll_that_waits_gets_what_is_published)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct wire *w = poll_begin(s, "wait=30&channel=news", NULL);
    struct answer *a;
    const char *mid = publish(s, "channel=news", NULL, "{\"a\":1}");

    a = poll_end(w);
    ck_assert_uint_eq(messages_in(a), 1);
    ck_assert_int_eq(json_int_at(a->json, "messages.0.data.a"), 1);
    ck_assert_str_eq(http_header(a, "Preference-Applied"), "wait=30");
    ck_assert_str_eq(http_header(a, "Connection"), "close");
    ck_assert_str_eq(http_header(a, "Content-Type"), "application/json");
    ck_assert_str_eq(http_header(a, "Push-Cursor"), "0.00000000000");
    wait_until(stat_of(s, "streams") == 0);
    w = poll_begin(s, keep_printf("wait=30&channel=news%s", next_of(a)), NULL);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    publish(s, "user=ada", NULL, "x");
    ck_assert_str_eq(data_of(poll_end(w), 0), "x");
}
END_TEST

START_TEST(the_wait_ends_with_an_empty_batch_after_heartbeats)
{
    struct server_options o = {.receive = BASE "PushHeartbeat 300ms"};
    struct server *s = server_start(&o);
    struct answer *a = poll_end(poll_begin(s, "wait=1", NULL));

    ck_assert_uint_eq(messages_in(a), 0);
    ck_assert(!more_of(a));
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
    ck_assert_uint_eq(messages_in(a), 0);
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
    ck_assert_uint_eq(messages_in(a), 1);
    ck_assert_str_eq(data_of(a, 0), payload);
    a = poll_once(s, "");
    ck_assert_str_eq(data_of(a, 0), payload);
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
    static const char ask[] = "GET " DEVICE "&wait=30 HTTP/1.1\r\n"
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
    ck_assert_str_eq(data_of(tls_end(ssl, text, 2 * length), 0), payload);
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
    struct exchange *x = h2_get(c, DEVICE "&wait=0");

    h2_expect(x, 204);
    publish(s, "user=ada", NULL, "{}");
    x = h2_get(c, DEVICE "&wait=0");
    h2_expect(x, 200);
    ck_assert_ptr_nonnull(strstr(x->body, "\"data\":{}"));
    x = h2_get(c, DEVICE "&wait=30");
    h2_expect(x, 501);
}
END_TEST

START_TEST(http2_carries_polls_that_wait)
{
    struct server *s = h2_server("PushMaxBlockingStreams 8", false, 1);
    struct h2 *c = h2_to(s, false);
    struct exchange *x = h2_get(c, DEVICE "&wait=30");

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
    Suite *suite = suite_create("poll");
    TCase *tc = case_add(suite, "once", 60);

    tcase_add_row_test(
        tc, nothing_is_204_and_the_next_poll_gets_what_came_since, mpms);
    tcase_add_test(tc, the_cursor_of_the_next_poll_acknowledges);
    tcase_add_test(tc, a_made_up_device_stays_the_same);
    tcase_add_test(tc, a_payload_comes_back_as_it_was_published);
    tcase_add_test(tc, a_batch_is_bounded_and_says_that_there_is_more);
    tcase_add_test(tc, a_window_that_is_full_is_told_as_more);
    tcase_add_test(tc, polls_share_a_connection);
    tc = case_add(suite, "form", 60);
    tcase_add_row_test(tc, accept_chooses_between_json_and_events, accepts);
    tcase_add_row_test(tc, a_wait_out_of_range_is_refused, bad);
    tcase_add_row_test(tc, the_preference_is_as_good_as_the_parameter,
                       prefers);
    tc = case_add(suite, "gaps", 60);
    tcase_add_test(tc, gaps_stand_beside_the_messages);
    tcase_add_test(tc, a_gap_alone_is_told_at_the_end_of_the_wait);
    tc = case_add(suite, "waiting", 60);
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
