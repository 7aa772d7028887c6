/*
 * The server's own channels: receipts, dead letters and presence, across two
 * children, counted against what was done.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"
#include "wire.h"

#define RECEIPT "Prefer: respond-async\r\n"


static const struct server_options with_feeds = {
    .receive = "PushUser query:user\n"
               "PushChannels * $receipts $deadletters $presence\n",
    .global = "PushPresence on\n"};

static struct stream *follow(const struct server *s, const char *channel)
{
    return stream_open(
        s,
        keep_printf("user=operator&device=%s&seq=0&channel=%%24%s"
                    "&meta=type,urgency",
                    channel, channel),
        NULL);
}

/* The next event as JSON; NULL if none comes in so many ms. */
static const json_t *next_in(struct stream *st, int64_t ms)
{
    const struct event *e = stream_next_in(st, ms);
    json_t *event;

    if (e == NULL) {
        return NULL;
    }
    ck_assert_msg(strncmp(e->type, "push.", 5) != 0, "%s %s", e->type,
                  e->data);
    event = json_loads(e->data, 0, NULL);
    ck_assert_ptr_nonnull(event);
    return json_keep(event);
}

static const json_t *next(struct stream *st)
{
    const json_t *event = next_in(st, WAIT_MS);

    ck_assert_ptr_nonnull(event);
    return event;
}

static const char *text(const json_t *event, const char *path)
{
    const json_t *value = json_at(event, path);

    return value == NULL ? "" : json_string_value(value);
}

static void expect_type(struct stream *st, const char *type, const char *mid)
{
    const json_t *event = next(st);

    ck_assert_str_eq(text(event, "type"), type);
    ck_assert_str_eq(text(event, "data.message"), mid);
}

static const char *publish_for_receipt(const struct server *s,
                                       const char *query, const char *headers)
{
    struct answer *a = publish_try(s, query,
                                   keep_printf("%s" RECEIPT, headers), "x");

    ck_assert_int_eq(a->status, 202);
    return json_text_at(a->json, "id");
}

/* ---- who may, and what it costs ---- */

START_TEST(a_channel_of_the_server_opens_by_a_dollar_pattern_alone)
{
    struct server *s = server_start(NULL);

    ck_assert_int_eq(
        stream_try(s, "user=a&device=d&channel=%24receipts", NULL)->status,
        403);
    http_expect(publish_try(s, "channel=%24receipts", NULL, "x"), 400,
                "channel");
    http_expect(http_get(s, "/ramen/presence?user=a&channel=c"), 404,
                "PushPresence");
}
END_TEST

START_TEST(with_nobody_listening_nothing_is_stored)
{
    struct server *s = server_start(&with_feeds);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);

    publish_for_receipt(s, "user=ada", "");
    expect_message(st, 1, "x");
    acknowledge(s, "user=ada&device=d&seq=1");
    wait_until(stat_of(s, "acked") == 1);
    stream_close(st);
    ck_assert_int_eq(stat_of(s, "published"), 1);
    ck_assert_int_eq(stat_of(s, "channels"), 0);
}
END_TEST

/* ---- receipts ---- */

#define DEVICES  4
#define MESSAGES 50

/*
 * Devices of two children acknowledge all that asks for it and all that does
 * not; each receipt comes once.
 */
START_TEST(each_device_and_message_that_asked_has_one_receipt)
{
    struct server *s = server_start(&with_feeds);
    struct stream *feed = follow(s, "receipts");
    struct stream *devices[DEVICES];
    const char *seen[DEVICES * MESSAGES];

    for (int i = 0; i < DEVICES; i++) {
        devices[i] = stream_open(
            s, keep_printf("user=ada&device=d%d&seq=0", i), NULL);
    }
    for (int i = 0; i < MESSAGES; i++) {
        publish_for_receipt(s, "user=ada", "");
        publish(s, "user=ada", NULL, "y");
    }
    for (int i = 0; i < DEVICES; i++) {
        for (int j = 0; j < 2 * MESSAGES; j++) {
            stream_next(devices[i]);
        }
        acknowledge(s, keep_printf("user=ada&device=d%d&seq=%d", i,
                                   2 * MESSAGES));
    }
    for (int i = 0; i < DEVICES * MESSAGES; i++) {
        const json_t *event = next(feed);

        seen[i] = text(event, "id");
        ck_assert_str_eq(text(event, "type"), "push.message.acked");
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(seen[i], seen[j]);
        }
    }
    publish_for_receipt(s, "user=ada", "");
    stream_next(devices[0]);
    acknowledge(s, keep_printf("user=ada&device=d0&seq=%d", 2 * MESSAGES + 1));
    ck_assert_str_eq(text(next(feed), "data.user"), "ada");
}
END_TEST

START_TEST(a_receipt_says_how_a_message_ended)
{
    struct server *s = server_start(&with_feeds);
    struct stream *feed = follow(s, "receipts");
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    const char *mid = publish_for_receipt(s, "user=ada", "Topic: t\r\n");
    const struct event *e;

    stream_next(st);
    publish(s, "user=ada", "Topic: t\r\n", "newer");
    e = stream_next(feed);
    ck_assert_str_eq(e->type, "receipt");
    ck_assert_ptr_nonnull(strstr(e->data, "push.message.replaced"));
    ck_assert_ptr_nonnull(strstr(e->data, mid));
    mid = publish_for_receipt(s, "user=ada", "");
    http_do(s, "DELETE", keep_printf("/push/messages/%s", mid),
            "Push-Client: t/1\r\n", NULL);
    expect_type(feed, "push.message.recalled", mid);
    mid = publish_for_receipt(s, "user=ada", "TTL: 1\r\n");
    expect_type(feed, "push.message.expired", mid);
    mid = publish_for_receipt(s, "user=nobody", "TTL: 1\r\n");
    expect_type(feed, "push.message.expired", mid);
}
END_TEST

/* ---- the receipt of one message ---- */

static const char *receipt_of(const struct answer *a)
{
    const char *link = http_header(a, "Link");
    const char *end = link == NULL ? NULL : strchr(link, '>');

    ck_assert_int_eq(a->status, 202);
    ck_assert_ptr_nonnull(end);
    return keep_copy(link + 1, (size_t)(end - link - 1));
}

START_TEST(a_receipt_has_an_address_that_tells_how_it_stands)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    struct answer *a;
    const char *url = receipt_of(publish_try(s, "user=ada", RECEIPT, "x"));

    ck_assert_ptr_nonnull(strstr(url, "/push/receipts/"));
    stream_next(st);
    a = http_get(s, url);
    ck_assert_int_eq(a->status, 202);
    ck_assert_int_eq(json_int_at(a->json, "counts.in-flight"), 1);
    acknowledge(s, "user=ada&device=d&seq=1");
    ck_assert_int_eq(http_get(s, url)->status, 204);
    url = receipt_of(publish_try(s, "user=ada", RECEIPT "TTL: 1\r\n", "y"));
    a = http_do(s, "GET", url, "Prefer: wait=15\r\n", NULL);
    http_expect(a, 410, "0 of 1 devices");
    http_expect(http_get(s, "/push/receipts/00000000000"), 404, NULL);
}
END_TEST

START_TEST(a_receipt_that_is_waited_for_comes_with_the_acknowledgement)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    const char *url = receipt_of(publish_try(s, "user=ada", RECEIPT, "x"));
    struct wire *w = wire_open(s, 0);
    const struct request q = {.target = url, .headers = "Prefer: wait=50\r\n"};
    struct answer *a;

    stream_next(st);
    http_send(w, &q);
    acknowledge(s, "user=ada&device=d&seq=1");
    a = http_read(w, false);
    ck_assert_int_eq(a->status, 204);
    ck_assert_str_eq(http_header(a, "Preference-Applied"), "wait=50");
}
END_TEST

/* ---- dead letters ---- */

START_TEST(what_nobody_acknowledged_is_a_dead_letter_once)
{
    struct server *s = server_start(&with_feeds);
    struct stream *feed = follow(s, "deadletters");
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    const char *lost[3];
    const struct event *e;

    publish(s, "user=ada", "TTL: 1\r\n", "acknowledged");
    stream_next(st);
    acknowledge(s, "user=ada&device=d&seq=1");
    for (int i = 0; i < 3; i++) {
        lost[i] = publish(s, "user=ada", "TTL: 2\r\nPush-Event: a.b\r\n", "x");
    }
    for (int i = 0; i < 3; i++) {
        const json_t *event;

        e = stream_next(feed);
        event = json_keep(json_loads(e->data, 0, NULL));
        ck_assert_str_eq(e->type, "deadletter");
        ck_assert_str_eq(text(event, "type"), "push.message.expired");
        ck_assert_str_eq(text(event, "data.message"), lost[i]);
        ck_assert_str_eq(text(event, "data.audience.user"), "ada");
        ck_assert_str_eq(text(event, "data.event"), "a.b");
        ck_assert_str_eq(text(event, "data.devices.0.reason"), "expired");
    }
    lost[0] = publish(s, "user=nobody", "TTL: 1\r\n", "x");
    ck_assert_str_eq(text(next(feed), "data.message"), lost[0]);
}
END_TEST

/* ---- presence ---- */

/* The next of somebody's device, or of a channel. */
static const char *presence(struct stream *feed, const char *of)
{
    for (;;) {
        const json_t *event = next(feed);

        if (strcmp(text(event, "data.user"), of) == 0
            || strcmp(text(event, "data.channel"), of) == 0) {
            return strrchr(text(event, "type"), '.') + 1;
        }
    }
}

/* A resume of the device in another child. */
static struct stream *resume_elsewhere(const struct server *s,
                                       const char *query, pid_t not_there)
{
    struct stream *st;

    do {
        st = stream_open(s, query, NULL);
    } while (holder_of(s, st) == not_there);
    return st;
}

START_TEST(a_resume_elsewhere_and_a_killed_child_are_no_absence)
{
    struct server *s = server_start(&with_feeds);
    struct stream *feed = follow(s, "presence");
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    pid_t child = holder_of(s, st);

    ck_assert_str_eq(presence(feed, "ada"), "connected");
    leave(s, st);
    st = resume_elsewhere(s, "user=ada&device=d&seq=0", child);
    while (holder_of(s, feed) == holder_of(s, st)) {
        st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    }
    server_kill_child(s, holder_of(s, st));
    st = stream_open(s, "user=ada&device=d&seq=0&channel=city", NULL);
    ck_assert_str_eq(presence(feed, "city"), "occupied");
    leave(s, st);
    ck_assert_str_eq(presence(feed, "ada"), "disconnected");
}
END_TEST

START_TEST(a_device_of_a_killed_child_that_stays_away_is_told)
{
    struct server *s = server_start(&with_feeds);
    struct stream *feed = follow(s, "presence");
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);

    while (holder_of(s, feed) == holder_of(s, st)) {
        st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    }
    ck_assert_str_eq(presence(feed, "ada"), "connected");
    server_kill_child(s, holder_of(s, st));
    ck_assert_str_eq(presence(feed, "ada"), "disconnected");
}
END_TEST

START_TEST(who_may_follow_a_channel_may_ask_who_is_connected)
{
    struct server *s = server_start(&with_feeds);
    const char *ask = "/ramen/presence?user=bob&channel=city";
    struct answer *a = http_get(s, "/ramen/presence?user=bob&channel=empty");

    ck_assert_int_eq(json_int_at(a->json, "count"), 0);
    stream_open(s, "user=ada&device=d&seq=0&channel=city", NULL);
    stream_open(s, "user=ada&device=e&seq=0&channel=city", NULL);
    stream_open(s, "user=eve&device=d&seq=0&channel=town", NULL);
    a = http_get(s, ask);
    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(json_text_at(a->json, "channel"), "city");
    ck_assert_str_eq(json_text_at(a->json, "users.0"), "ada");
    ck_assert_int_eq(json_int_at(a->json, "count"), 1);
    http_expect(http_get(s, "/ramen/presence?user=bob"), 400, "channel");
    http_expect(http_get(s, "/ramen/presence?user=bob&channel=%24stats"), 403,
                "PushChannels");
    http_expect(http_get(s, "/ramen/presence?channel=city"), 401, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("feeds");
    TCase *tc = case_add(suite, "feeds", 60);

    tcase_add_test(tc,
                   a_channel_of_the_server_opens_by_a_dollar_pattern_alone);
    tcase_add_test(tc, with_nobody_listening_nothing_is_stored);
    tcase_add_test(tc, each_device_and_message_that_asked_has_one_receipt);
    tcase_add_test(tc, a_receipt_says_how_a_message_ended);
    tcase_add_test(tc, a_receipt_has_an_address_that_tells_how_it_stands);
    tcase_add_test(
        tc, a_receipt_that_is_waited_for_comes_with_the_acknowledgement);
    tcase_add_test(tc, what_nobody_acknowledged_is_a_dead_letter_once);
    tcase_add_test(tc, a_resume_elsewhere_and_a_killed_child_are_no_absence);
    tcase_add_test(tc, a_device_of_a_killed_child_that_stays_away_is_told);
    tcase_add_test(tc, who_may_follow_a_channel_may_ask_who_is_connected);
    return case_run(suite);
}
