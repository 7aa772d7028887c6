/*
 * Bad input: each parameter and header malformed in turn is answered with a
 * problem document that names it, and changes nothing.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define A129                                                                  \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"        \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct bad {
    const char *query;   /* what follows the path and "?" */
    const char *headers; /* or NULL */
    const char *names;   /* what the problem must mention */
};

static const struct bad receives[] = {
    {"user=a&device=&seq=0", NULL, "device"},
    {"user=a&device=a%20b&seq=0", NULL, "device"},
    {"user=a&device=a/b&seq=0", NULL, "device"},
    {"user=a&device=a%00b&seq=0", NULL, "device"},
    {"user=a&device=a%0d%0ab&seq=0", NULL, "device"},
    {"user=a&device=%c3%a9&seq=0", NULL, "device"},
    {"user=a&device=%&seq=0", NULL, "device"},
    {"user=a&device=%4&seq=0", NULL, "device"},
    {"user=a&device=%zz&seq=0", NULL, "device"},
    {"user=a&device=" A129 "&seq=0", NULL, "device"},
    {"user=a&device=d&device=e&seq=0", NULL, "device"},
    {"user=a&device=d&seq=", NULL, "seq"},
    {"user=a&device=d&seq=-1", NULL, "seq"},
    {"user=a&device=d&seq=+1", NULL, "seq"},
    {"user=a&device=d&seq=1x", NULL, "seq"},
    {"user=a&device=d&seq=0x10", NULL, "seq"},
    {"user=a&device=d&seq=1.5", NULL, "seq"},
    {"user=a&device=d&seq=99999999999999999999", NULL, "seq"},
    {"user=a&device=d&seq=1&seq=2", NULL, "seq"},
    {"user=a&device=d&id=x", NULL, "id"},
    {"user=a&device=d&id=1.short", NULL, "id"},
    {"user=a&device=d&id=1.0hZk3x9Qa2!", NULL, "id"},
    {"user=a&device=d&id=1.zzzzzzzzzzz", NULL, "id"},
    {"user=a&device=d&last_event_id=x", NULL, "last_event_id"},
    {"user=a&device=d&lastEventID=x", NULL, "lastEventID"},
    {"user=a&device=d&lastEventId=x", NULL, "lastEventId"},
    {"user=a&device=d", "Last-Event-ID: x\r\n", "Last-Event-ID"},
    {"user=a&device=d", "Last-Event-ID: 1.0hZk3x9Qa2B.\r\n", "Last-Event-ID"},
    {"user=a&device=d", "Last-Event-ID: 1.2.3.4\r\n", "Last-Event-ID"},
    {"user=a&device=d&ack=maybe", NULL, "ack"},
    {"user=a&device=d&heartbeat=4", NULL, "heartbeat"},
    {"user=a&device=d&urgency=now", NULL, "urgency"},
    {"user=a&device=d&meta=", NULL, "meta"},
    {"user=a&device=d&meta=topic", NULL, "urgency"},
    {"user=a&device=d&meta=type,", NULL, "meta"},
    {"user=a&device=d&meta=Type", NULL, "meta"},
    {"user=a&device=d&meta=type&meta=time", NULL, "meta"},
    {"user=a&device=d&from=newest", NULL, "from"},
    {"user=a&device=d&channel=", NULL, "channel"},
    {"user=a&device=d&channel=a%0ab", NULL, "channel"},
    {"user=a&device=d&channel=" A129 A129, NULL, "channel"},
    {"user=a&device=d&app=%01", NULL, "app"},
    {"user=a&device=d&app_version=%0a", NULL, "app_version"},
    {"user=a&device=d&os=%7f", NULL, "os"},
    {"user=a&device=d&os_version=%ff", NULL, "os_version"},
    {"user=a&device=d&locale=%00", NULL, "locale"},
    {"user=a&device=d&app=" A129 A129 A129 A129, NULL, "app"},
    /* No answer can quote a name that is not UTF-8. */
    {"user=a&device=d&%ff=%zz", NULL, "escape"},
};

static const struct bad acks[] = {
    {"user=a&device=d", NULL, "seq"},
    {"user=a&seq=1", NULL, "device"},
    {"user=a&device=d&seq=", NULL, "seq"},
    {"user=a&device=d&seq=-1", NULL, "seq"},
    {"user=a&device=d&seq=x", NULL, "seq"},
    {"user=a&device=d&seq=99999999999999999999", NULL, "seq"},
    {"user=a&device=d&id=1.x", NULL, "id"},
    {"user=a&device=a%20b&seq=1", NULL, "device"},
    {"user=a&device=d&app=%01&seq=1", NULL, "app"},
};

static const struct bad publishes[] = {
    {"", NULL, "user"},
    {"user=", NULL, "user"},
    {"user=a%00b", NULL, "user"},
    {"user=a%0ab", NULL, "user"},
    {"user=%ff", NULL, "user"},
    {"user=" A129 A129, NULL, "user"},
    {"user=a&user=b", NULL, "user"},
    {"user=a&channel=b", NULL, "channel"},
    {"user=a&broadcast=1", NULL, "broadcast"},
    {"channel=b&broadcast=1", NULL, "broadcast"},
    {"channel=", NULL, "channel"},
    {"channel=a%0db", NULL, "channel"},
    {"channel=a&device=d", NULL, "device"},
    {"broadcast=1&device=d", NULL, "device"},
    {"broadcast=0", NULL, "broadcast"},
    {"broadcast=yes", NULL, "broadcast"},
    {"broadcast", NULL, "broadcast"},
    {"device=d", NULL, "user"},
    {"user=a&device=", NULL, "device"},
    {"user=a&device=a%20b", NULL, "device"},
    {"user=a&device=" A129, NULL, "device"},
    {"user=a&%ff=%zz", NULL, "escape"},
    {"user=a", "TTL: \r\n", "TTL"},
    {"user=a", "TTL: -1\r\n", "TTL"},
    {"user=a", "TTL: 1.5\r\n", "TTL"},
    {"user=a", "TTL: 10s\r\n", "TTL"},
    {"user=a", "TTL: x\r\n", "TTL"},
    {"user=a", "TTL: 1, 2\r\n", "TTL"},
    {"user=a", "TTL: 99999999999999999999\r\n", "TTL"},
    {"user=a", "Urgency: urgent\r\n", "Urgency"},
    {"user=a", "Urgency: \r\n", "Urgency"},
    {"user=a", "Urgency: high, low\r\n", "Urgency"},
    {"user=a", "Topic: \r\n", "Topic"},
    {"user=a", "Topic: a b\r\n", "Topic"},
    {"user=a", "Topic: a.b\r\n", "Topic"},
    {"user=a", "Topic: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "Topic"},
    {"user=a", "Push-Event: \r\n", "Push-Event"},
    {"user=a", "Push-Event: a b\r\n", "Push-Event"},
    {"user=a", "Push-Event: a\tb\r\n", "Push-Event"},
    {"user=a", "Push-Event: push.bye\r\n", "Push-Event"},
    {"user=a", "Push-Event: push.x\r\n", "Push-Event"},
    {"user=a", "Push-Event: " A129 "\r\n", "Push-Event"},
    {"user=a", "Content-Type: " A129 A129 "\r\n", "Content-Type"},
    {"user=a", "Content-Type: a/b\tc\r\n", "Content-Type"},
    {"user=a", "Content-Type: a/\xff\r\n", "Content-Type"},
    {"user=a", "Idempotency-Key: \r\n", "Idempotency-Key"},
    {"user=a", "Idempotency-Key: " A129 A129 A129 "\r\n", "Idempotency-Key"},
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void expect_bad(const struct answer *a, const struct bad *bad)
{
    ck_assert_msg(a->status == 400, "for \"%s\" %s: %s%s", bad->query,
                  bad->headers != NULL ? bad->headers : "", a->head, a->body);
    ck_assert_msg(strcasestr(a->body, bad->names) != NULL,
                  "for \"%s\" %s, the problem does not name %s: %s",
                  bad->query, bad->headers != NULL ? bad->headers : "",
                  bad->names, a->body);
    http_expect(a, 400, bad->names);
}

/* Ask for a stream that must be refused: the answer is read whole only when
 * it is not the endless one. */
static struct answer *refused_stream(const struct server *s,
                                     const struct bad *bad)
{
    struct stream *st = stream_try(
        s, bad->query,
        keep_printf("Connection: close\r\n%s",
                    bad->headers != NULL ? bad->headers : ""));

    ck_assert_msg(st->status != 200, "accepted: receive?%s %s", bad->query,
                  bad->headers != NULL ? bad->headers : "");
    stream_close(st);
    return http_do(s, "GET", keep_printf("/ramen/receive?%s", bad->query),
                   bad->headers, NULL);
}

START_TEST(every_malformed_receive_is_400_and_named)
{
    struct server *s = server_start(NULL);
    size_t i;

    for (i = 0; i < COUNT(receives); i++) {
        expect_bad(refused_stream(s, &receives[i]), &receives[i]);
    }
    ck_assert_int_eq(stat_of(s, "streams"), 0);
    ck_assert_int_eq(stat_of(s, "devices"), 0);
}
END_TEST

START_TEST(every_malformed_ack_is_400_and_named)
{
    struct server *s = server_start(NULL);
    size_t i;

    for (i = 0; i < COUNT(acks); i++) {
        expect_bad(acknowledge_try(s, acks[i].query), &acks[i]);
    }
}
END_TEST

START_TEST(every_malformed_publish_is_400_and_named)
{
    struct server *s = server_start(NULL);
    size_t i;

    for (i = 0; i < COUNT(publishes); i++) {
        expect_bad(publish_try(s, publishes[i].query, publishes[i].headers,
                               "x"),
                   &publishes[i]);
    }
    ck_assert_int_eq(stat_of(s, "published"), 0);
}
END_TEST

/* Good ones at the edge of what is allowed. */
static const struct bad edges[] = {
    {"user=a", "Topic: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", NULL},
    {"user=a", "Topic: A-_09\r\n", NULL},
    {"user=a", "Push-Event: A.z:_-9\r\n", NULL},
    {"user=a", "Content-Type: \r\n", NULL},
    {"user=a", "Content-Type: what you like\r\n", NULL},
    {"user=a", "Urgency: medium\r\n", NULL},
    {"user=a", "Urgency: HIGH\r\n", NULL},
    {"user=a", "TTL: 007\r\n", NULL},
    {"user=a", "Content-Type: application/json\r\n", NULL},
    {"user=%61%20b%2b%c3%a9", NULL, NULL},
    {"user=a@example.org", NULL, NULL},
    {"channel=trip.17", NULL, NULL},
    {"user=a&device=A.z_~-9", NULL, NULL},
};

START_TEST(what_is_just_allowed_is_accepted)
{
    struct server *s = server_start(NULL);
    size_t i;

    for (i = 0; i < COUNT(edges); i++) {
        struct answer *a = publish_try(s, edges[i].query, edges[i].headers,
                                       "x");

        ck_assert_msg(a->status == 201, "%s %s: %s%s", edges[i].query,
                      edges[i].headers != NULL ? edges[i].headers : "",
                      a->head, a->body);
    }
    stream_open(s, keep_printf("user=a&device=%.128s&seq=0", A129), NULL);
    stream_open(s, "user=a&device=d&seq=9007199254740993", NULL);
}
END_TEST

/* Requests as no client should send them. */
static const char *const raws[] = {
    "GET /ramen/receive?user=a&device=d HTTP/1.1\r\n\r\n",
    "GET /ramen/receive?user=a&device=d HTTP/1.1\r\nHost: a\r\nHost: b\r\n"
    "\r\n",
    "GET /ramen/receive?user=a&device=d HTTP/1.1\r\nHost: a\r\n"
    "Last-Event-ID: 1\x01\r\n\r\n",
    "POST /push/messages?user=a HTTP/1.1\r\nHost: a\r\n"
    "Content-Length: -1\r\n\r\n",
    "POST /push/messages?user=a HTTP/1.1\r\nHost: a\r\n"
    "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "POST /push/messages?user=a HTTP/1.1\r\nHost: a\r\n"
    "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST /push/messages?user=a HTTP/1.1\r\nHost: a\r\n"
    "TTL: 1\r\n folded\r\nContent-Length: 1\r\n\r\nx",
    "BREW /ramen/receive?user=a&device=d HTTP/1.1\r\nHost: a\r\n"
    "Content-Length: 0\r\n\r\n",
};

START_TEST(a_malformed_request_is_refused_and_the_server_lives_on)
{
    struct server *s = server_start(NULL);
    size_t i;

    for (i = 0; i < COUNT(raws); i++) {
        struct answer *a = http_raw(s, raws[i], strlen(raws[i]));

        ck_assert_msg(a->status >= 400 && a->status < 600, "%s%s", raws[i],
                      a->head);
    }
    publish(s, "user=a", NULL, "x");
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

START_TEST(a_body_that_is_cut_publishes_nothing)
{
    static const char cut[] = "POST /push/messages?user=a HTTP/1.1\r\n"
                              "Host: a\r\nContent-Length: 100\r\n\r\nxxx";
    struct server *s = server_start(NULL);
    struct wire *w = wire_open(s, 0);
    struct stream *st;

    wire_send(w, cut, sizeof(cut) - 1);
    wire_close(w);
    publish(s, "user=a", NULL, "marker");
    st = stream_open(s, "user=a&device=d&seq=0", NULL);
    expect_message(st, 1, "marker");
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

START_TEST(a_body_that_comes_too_slowly_is_408)
{
    static const char slow[] = "POST /push/messages?user=a HTTP/1.1\r\n"
                               "Host: localhost\r\nContent-Length: 100\r\n"
                               "\r\nxxx";
    struct server_options o = {.global = "RequestReadTimeout body=1"};
    struct server *s = server_start(&o);

    http_expect(http_raw(s, slow, sizeof(slow) - 1), 408, "payload");
    ck_assert_int_eq(stat_of(s, "published"), 0);
}
END_TEST

START_TEST(an_unknown_parameter_of_a_publisher_is_named)
{
    struct server *s = server_start(NULL);

    http_expect(publish_try(s, "usr=ada", NULL, "x"), 400, "user");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bad input");
    TCase *tc = case_add(suite, "tables", 60);

    tcase_add_test(tc, every_malformed_receive_is_400_and_named);
    tcase_add_test(tc, every_malformed_ack_is_400_and_named);
    tcase_add_test(tc, every_malformed_publish_is_400_and_named);
    tcase_add_test(tc, what_is_just_allowed_is_accepted);
    tcase_add_test(tc, a_malformed_request_is_refused_and_the_server_lives_on);
    tcase_add_test(tc, a_body_that_is_cut_publishes_nothing);
    tcase_add_test(tc, a_body_that_comes_too_slowly_is_408);
    tcase_add_test(tc, an_unknown_parameter_of_a_publisher_is_named);
    return case_run(suite);
}
