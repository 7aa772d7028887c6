/*
 * How long a message lives: TTL, Topic, Idempotency-Key, recall.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define DEVICE "user=ada&device=d1&seq=0"

START_TEST(ttl_0_reaches_only_streams_that_are_open)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, DEVICE, NULL);
    struct answer *a = publish_try(s, "user=ada", "TTL: 0\r\n", "now");

    ck_assert_int_eq(a->status, 201);
    ck_assert_str_eq(http_header(a, "TTL"), "0");
    expect_message(st, 1, "now");
    leave(s, st);
    publish(s, "user=ada", "TTL: 0\r\n", "too early");
    publish(s, "user=ada", NULL, "later");
    st = stream_open(s, "user=ada&device=d1&seq=1", NULL);
    expect_message(st, 2, "later");
}
END_TEST

START_TEST(an_expired_message_is_never_sent)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, DEVICE, NULL);
    const char *mid = publish(s, "user=ada", "TTL: 3\r\n", "short");

    /* In flight when it expires: not sent again either. */
    expect_message(st, 1, "short");
    stream_close(st);
    publish(s, "user=ada", NULL, "long");
    wait_until(strcmp(json_text_at(life_of(s, mid), "state"), "expired") == 0);
    st = stream_open(s, DEVICE, NULL);
    expect_message(st, 1, "long");
    ck_assert_int_eq(count_of(s, mid, "expired"), 1);
    wait_until(stat_of(s, "expired") == 1);
}
END_TEST

START_TEST(a_device_that_appears_after_the_ttl_gets_nothing)
{
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "user=ada", "TTL: 1\r\n", "short");
    struct stream *st;

    wait_until(strcmp(json_text_at(life_of(s, mid), "state"), "expired") == 0);
    publish(s, "user=ada", NULL, "long");
    st = stream_open(s, DEVICE, NULL);
    expect_message(st, 1, "long");
}
END_TEST

/* What is asked for, and what is granted. */
static const char *const ttls[][2] = {
    {NULL, "300"},
    {"TTL: 0\r\n", "0"},
    {"TTL: 17\r\n", "17"},
    {"TTL: 1800\r\n", "1800"},
    {"TTL: 1801\r\n", "1800"},
    {"TTL: 2147483647\r\n", "1800"},
};

START_TEST(the_ttl_that_was_granted_is_echoed)
{
    struct server *s = server_start(NULL);
    struct answer *a = publish_try(s, "user=ada", ttls[_i][0], "x");
    const json_t *life;
    json_int_t lasts;

    ck_assert_int_eq(a->status, 201);
    ck_assert_str_eq(http_header(a, "TTL"), ttls[_i][1]);
    if (_i == 1) {
        return;
    }
    life = life_of(s, json_text_at(a->json, "id"));
    ck_assert_int_eq(json_int_at(life, "ttl"), atoi(ttls[_i][1]));
    lasts = json_int_at(life, "expires") - json_int_at(life, "created");
    ck_assert_int_ge(lasts, atoi(ttls[_i][1]) * 1000 - 500);
    ck_assert_int_le(lasts, atoi(ttls[_i][1]) * 1000 + 500);
}
END_TEST

START_TEST(a_newer_topic_replaces_what_was_not_delivered)
{
    struct server *s = server_start(NULL);
    const char *old = publish(s, "user=ada", "Topic: eta\r\n", "5 min");
    struct stream *st;

    publish(s, "user=ada", NULL, "other");
    publish(s, "user=ada", "Topic: eta\r\n", "4 min");
    st = stream_open(s, DEVICE, NULL);
    expect_message(st, 1, "other");
    expect_message(st, 2, "4 min");
    ck_assert_str_eq(json_text_at(life_of(s, old), "state"), "replaced");
    ck_assert_int_ge(stat_of(s, "replaced"), 1);
}
END_TEST

START_TEST(in_a_retransmission_only_the_newest_of_a_topic_is_sent)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, DEVICE, NULL);

    publish(s, "user=ada", "Topic: eta\r\n", "5 min");
    expect_message(st, 1, "5 min");
    publish(s, "user=ada", "Topic: eta\r\n", "4 min");
    expect_message(st, 2, "4 min");
    stream_close(st);
    st = stream_open(s, DEVICE, NULL);
    expect_message(st, 1, "4 min");
    publish(s, "user=ada", NULL, "marker");
    expect_message(st, 2, "marker");
}
END_TEST

START_TEST(a_topic_replaces_only_within_its_audience)
{
    struct server *s = server_start(NULL);
    struct stream *st;

    publish(s, "user=ada", "Topic: eta\r\n", "to the user");
    publish(s, "user=bob", "Topic: eta\r\n", "to another");
    publish(s, "user=ada&device=d1", "Topic: eta\r\n", "to the device");
    publish(s, "user=ada", "Topic: ETA\r\n", "another topic");
    st = stream_open(s, DEVICE, NULL);
    expect_message(st, 1, "to the user");
    expect_message(st, 2, "to the device");
    expect_message(st, 3, "another topic");
}
END_TEST

START_TEST(a_repeated_idempotency_key_sends_nothing_twice)
{
    struct server *s = server_start(NULL);
    const char *key = "Idempotency-Key: \"abc-1\"\r\n";
    struct answer *first = publish_try(s, "user=ada", key, "once");
    struct answer *again = publish_try(s, "user=ada", key, "once");
    struct stream *st;

    ck_assert_int_eq(first->status, 201);
    ck_assert_int_eq(again->status, 201);
    ck_assert_str_eq(again->body, first->body);
    ck_assert_str_eq(http_header(again, "Location"),
                     http_header(first, "Location"));
    publish(s, "user=ada", NULL, "marker");
    st = stream_open(s, DEVICE, NULL);
    expect_message(st, 1, "once");
    expect_message(st, 2, "marker");
}
END_TEST

START_TEST(another_request_under_the_same_idempotency_key_is_422)
{
    struct server *s = server_start(NULL);
    const char *key = "Idempotency-Key: \"abc-1\"\r\n";

    publish(s, "user=ada", key, "once");
    http_expect(publish_try(s, "user=ada", key, "twice"), 422,
                "Idempotency-Key");
    http_expect(publish_try(s, "user=ada",
                            keep_printf("%sUrgency: high\r\n", key), "once"),
                422, "Idempotency-Key");
    publish(s, "user=ada", "Idempotency-Key: \"abc-2\"\r\n", "twice");
}
END_TEST

START_TEST(the_same_idempotency_key_for_another_audience_is_another_key)
{
    static const char *const audiences[] = {"user=ada", "user=bob",
                                            "user=ada&device=phone",
                                            "channel=ada", "broadcast=1"};
    enum { COUNT = sizeof(audiences) / sizeof(*audiences) };
    struct server *s = server_start(NULL);
    const char *key = "Idempotency-Key: \"abc-1\"\r\n";
    const char *mids[COUNT];

    for (int i = 0; i < COUNT; i++) {
        mids[i] = keep_printf("%s", publish(s, audiences[i], key, "once"));
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(mids[i], mids[j]);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        ck_assert_str_eq(publish(s, audiences[i], key, "once"), mids[i]);
    }
    ck_assert_int_eq(stat_of(s, "published"), COUNT);
}
END_TEST

START_TEST(a_key_is_remembered_by_every_child)
{
    struct server_options o = {.children = 3};
    struct server *s = server_start(&o);
    const char *first = NULL;
    int i;

    for (i = 0; i < 30; i++) {
        const char *mid = publish(s, "user=ada", "Idempotency-Key: k\r\n",
                                  "once");

        if (first != NULL) {
            ck_assert_str_eq(mid, first);
        }
        first = mid;
    }
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

START_TEST(a_key_is_forgotten_after_its_window)
{
    struct server_options o = {.global = "PushIdempotencyWindow 1"};
    struct server *s = server_start(&o);
    const char *key = "Idempotency-Key: k\r\n";
    const char *first = publish(s, "user=ada", key, "once");

    wait_until(strcmp(publish(s, "user=ada", key, "once"), first) != 0);
}
END_TEST

START_TEST(a_recall_takes_a_pending_message_away)
{
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "user=ada", NULL, "oops");
    const char *target = keep_printf("/push/messages/%s", mid);
    struct answer *a = http_do(s, "DELETE", target, NULL, NULL);
    struct stream *st;

    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(json_text_at(a->json, "id"), mid);
    publish(s, "user=ada", NULL, "marker");
    st = stream_open(s, DEVICE, NULL);
    expect_message(st, 1, "marker");
    ck_assert_str_eq(json_text_at(life_of(s, mid), "state"), "recalled");
    http_expect(http_do(s, "DELETE", target, NULL, NULL), 409, NULL);
}
END_TEST

START_TEST(a_recall_is_for_each_device_that_did_not_acknowledge)
{
    struct server *s = server_start(NULL);
    struct stream *one = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct stream *two = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    const char *mid = publish(s, "user=ada", NULL, "oops");
    struct answer *a;

    expect_message(one, 1, "oops");
    expect_message(two, 1, "oops");
    acknowledge(s, "user=ada&device=d1&seq=1");
    a = http_do(s, "DELETE", keep_printf("/push/messages/%s", mid), NULL,
                NULL);
    ck_assert_int_eq(a->status, 200);
    ck_assert_int_eq(json_int_at(a->json, "recalled"), 1);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    ck_assert_int_eq(count_of(s, mid, "recalled"), 1);
    stream_close(two);
    publish(s, "user=ada", NULL, "marker");
    two = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    expect_message(two, 1, "marker");
}
END_TEST

START_TEST(what_is_recalled_from_a_channel_is_in_flight_no_more)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, DEVICE "&channel=news", NULL);
    const char *mid = publish(s, "channel=news", NULL, "oops");
    const json_t *life;

    expect_message(st, 1, "oops");
    ck_assert_int_eq(count_of(s, mid, "in-flight"), 1);
    http_expect(http_do(s, "DELETE", keep_printf("/push/messages/%s", mid),
                        NULL, NULL),
                200, NULL);
    life = life_of(s, mid);
    ck_assert_str_eq(json_text_at(life, "devices.0.state"), "recalled");
    ck_assert_int_eq(json_int_at(life, "devices.0.at"),
                     json_int_at(life, "ended"));
    acknowledge(s, "user=ada&device=d1&seq=1");
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
}
END_TEST

START_TEST(the_life_of_a_message_is_told_for_each_device)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, DEVICE, NULL);
    struct answer *a = publish_try(
        s, "user=ada", "Urgency: high\r\nTopic: t\r\nPush-Event: e\r\n", "x");
    const char *mid = json_text_at(a->json, "id");
    const json_t *life;

    ck_assert_int_eq(json_int_at(a->json, "recipients"), 1);
    ck_assert_int_eq(json_int_at(a->json, "connected"), 1);
    ck_assert_str_eq(http_header(a, "Location"),
                     keep_printf("/push/messages/%s?user=ada", mid));
    expect_message(st, 1, "x");
    life = life_of(s, mid);
    ck_assert_str_eq(json_text_at(life, "id"), mid);
    ck_assert_str_eq(json_text_at(life, "audience.user"), "ada");
    ck_assert_str_eq(json_text_at(life, "urgency"), "high");
    ck_assert_str_eq(json_text_at(life, "topic"), "t");
    ck_assert_str_eq(json_text_at(life, "event"), "e");
    ck_assert_int_ge(json_int_at(life, "size"), 1);
    ck_assert_str_eq(json_text_at(life, "state"), "live");
    ck_assert_str_eq(json_text_at(life, "devices.0.device"),
                     stream_header(st, "Push-Device"));
    ck_assert_str_eq(json_text_at(life, "devices.0.state"), "in-flight");
    acknowledge(s, "user=ada&device=d1&seq=1");
    ck_assert_str_eq(json_text_at(life_of(s, mid), "devices.0.state"),
                     "acked");
}
END_TEST

START_TEST(a_message_that_is_not_known_is_404)
{
    struct server *s = server_start(NULL);
    const char *target = "/push/messages/0hZk3x9Qa2B";

    http_expect(http_get(s, target), 404, NULL);
    http_expect(http_do(s, "DELETE", target, NULL, NULL), 404, NULL);
}
END_TEST

/* ---- what the log says of traces ---- */

/* A trace id of 32 times this digit, and one that it is found by. */
#define TRACE(digit)                                                          \
    keep_printf("traceparent: 00-%032d-00f067aa0ba902b7-01\r\n", digit)
#define TRACED(digit) keep_printf("trace %032d: ", digit)

static void recall(const struct server *s, const char *mid)
{
    ck_assert_int_eq(http_do(s, "DELETE",
                             keep_printf("/push/messages/%s", mid), NULL, NULL)
                         ->status,
                     200);
}

START_TEST(the_log_names_the_trace_of_a_publish_that_was_refused)
{
    struct server *s = server_start(NULL);

    http_expect(publish_try(s, "user=ada&channel=c", TRACE(1), "x"), 400,
                "user");
    http_expect(publish_try(s, "user=ada",
                            keep_printf("%sUrgency: now\r\n", TRACE(2)), "x"),
                400, "Urgency");
    http_expect(publish_try(s, "user=ada", "Urgency: now\r\n", "x"), 400,
                "Urgency");
    publish_lines(s, "{\"user\":\"ada\",\"traceparent\":\"00-0000000000000000"
                     "0000000000000003-00f067aa0ba902b7-01\"}\n"
                     "{\"user\":\"ada\"}\n");
    ck_assert_int_eq(serverlog_count(s, "PUSH0165: "), 3);
    ck_assert_int_eq(
        serverlog_count(s, keep_printf("%sa publish was refused: 400 "
                                       "bad-header: Urgency",
                                       TRACED(2))),
        1);
    ck_assert_int_eq(serverlog_count(s, TRACED(1)), 1);
    ck_assert_int_eq(serverlog_count(s, TRACED(3)), 1);
}
END_TEST

START_TEST(the_log_names_the_trace_of_a_message_that_ended_undelivered)
{
    struct server *s = server_start(NULL);
    struct stream *one = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    const char *mid;

    leave(s, stream_open(s, "user=ada&device=d2&seq=0", NULL));
    mid = publish(s, "user=ada", TRACE(1), "for two");
    expect_message(one, 1, "for two");
    acknowledge(s, "user=ada&device=d1&seq=1");
    recall(s, mid);
    wait_until(serverlog_count(
        s, keep_printf("%smessage %s ended (recalled), and 1 of 2 devices had "
                       "not acknowledged it",
                       TRACED(1), mid)));
    mid = publish(s, "user=ada&device=d1", TRACE(2), "for one");
    expect_message(one, 2, "for one");
    acknowledge(s, "user=ada&device=d1&seq=2");
    recall(s, mid);
    publish(s, "user=eve", keep_printf("%sTTL: 1\r\n", TRACE(3)), "nobody");
    wait_until(serverlog_count(s, keep_printf("%smessage", TRACED(3))));
    ck_assert_int_eq(serverlog_count(s, "(expired), and 0 of 0 devices"), 1);
    ck_assert_int_eq(serverlog_count(s, TRACED(2)), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lifetime");
    TCase *tc = case_add(suite, "ttl", 30);

    tcase_add_test(tc, ttl_0_reaches_only_streams_that_are_open);
    tcase_add_test(tc, an_expired_message_is_never_sent);
    tcase_add_test(tc, a_device_that_appears_after_the_ttl_gets_nothing);
    tcase_add_loop_test(tc, the_ttl_that_was_granted_is_echoed, 0, 6);
    tc = case_add(suite, "topic", 30);
    tcase_add_test(tc, a_newer_topic_replaces_what_was_not_delivered);
    tcase_add_test(tc, in_a_retransmission_only_the_newest_of_a_topic_is_sent);
    tcase_add_test(tc, a_topic_replaces_only_within_its_audience);
    tc = case_add(suite, "idempotency", 30);
    tcase_add_test(tc, a_repeated_idempotency_key_sends_nothing_twice);
    tcase_add_test(tc, another_request_under_the_same_idempotency_key_is_422);
    tcase_add_test(
        tc, the_same_idempotency_key_for_another_audience_is_another_key);
    tcase_add_test(tc, a_key_is_remembered_by_every_child);
    tcase_add_test(tc, a_key_is_forgotten_after_its_window);
    tc = case_add(suite, "recall", 30);
    tcase_add_test(tc, a_recall_takes_a_pending_message_away);
    tcase_add_test(tc, a_recall_is_for_each_device_that_did_not_acknowledge);
    tcase_add_test(tc, what_is_recalled_from_a_channel_is_in_flight_no_more);
    tcase_add_test(tc, the_life_of_a_message_is_told_for_each_device);
    tcase_add_test(tc, a_message_that_is_not_known_is_404);
    tcase_add_test(tc, the_log_names_the_trace_of_a_publish_that_was_refused);
    tcase_add_test(
        tc, the_log_names_the_trace_of_a_message_that_ended_undelivered);
    return case_run(suite);
}
