/*
 * Publishing later: over HTTP, over restarts, and when processes are killed.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define COMMIT "PushStateDir state\nPushDurability commit\n"

/* ---- publishers ---- */

/* Keep a message for later; returns the Location's path and query. */
static const char *keep_later(const struct server *s, const char *query,
                              const char *headers, const char *payload)
{
    struct answer *a = publish_try(s, query, headers, payload);

    http_expect(a, 201, NULL);
    ck_assert_ptr_eq(json_at(a->json, "recipients"), NULL);
    ck_assert(json_is_true(json_at(a->json, "scheduled")));
    ck_assert_ptr_nonnull(http_header(a, "Location"));
    ck_assert_ptr_nonnull(
        strstr(http_header(a, "Location"), json_text_at(a->json, "id")));
    return keep_printf("%s", http_header(a, "Location"));
}

/* How it stands: "kept", "published", … */
static const char *state_of(const struct server *s, const char *location)
{
    return json_text_at(http_get(s, location)->json, "state");
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Now and so many seconds, as RFC 3339 has it. */
static const char *moment(int seconds)
{
    time_t at = (time_t)(wall_ms() / 1000) + seconds;
    char text[32];
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return keep_printf("%s", text);
}

static int listed(const struct server *s, const char *query)
{
    const json_t *list =
        http_get(s, keep_printf("/push/scheduled%s", query))->json;

    return (int)json_array_size(json_at(list, "scheduled"));
}

static void wait_published(const struct server *s, const char *location)
{
    wait_until(!strcmp(state_of(s, location), "published"));
}

/* ---- one server for all that is asked over HTTP ---- */

static struct server *shared(void)
{
    return server_start(NULL);
}

static void comes_at_its_time(struct server *s)
{
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    int64_t asked = wall_ms();
    const char *location = keep_later(s, "user=ada",
                                      "Push-At: +1\r\nTTL: 60\r\n", "later");
    const struct event *e;
    struct answer *a;

    publish(s, "user=ada", NULL, "now");
    expect_message(st, 1, "now");
    ck_assert_str_eq(state_of(s, location), "kept");
    e = stream_next(st);
    ck_assert_str_eq(e->data, "later");
    ck_assert_int_ge(wall_ms(), asked + 1000);
    a = http_get(s, location);
    ck_assert_int_eq(a->status, 303);
    ck_assert_str_eq(json_text_at(a->json, "message"), e->mid);
    ck_assert_ptr_nonnull(
        strstr(http_header(a, "Location"),
               keep_printf("../messages/%s?user=ada", e->mid)));
    ck_assert_str_eq(json_text_at(life_of(s, e->mid), "audience.user"), "ada");
    stream_close(st);
}

static void is_seen_and_recalled(struct server *s)
{
    const char *location = keep_later(
        s, "user=anna&device=d-1",
        keep_printf("Push-At: %s\r\nTopic: t\r\n"
                    "Urgency: high\r\nTTL: 60\r\n"
                    "Push-Event: e\r\n",
                    moment(3600)),
        "secret");
    const json_t *kept = http_get(s, location)->json;
    const char *elsewhere = keep_printf("%.*s?user=bob",
                                        (int)strcspn(location, "?"), location);

    ck_assert_str_eq(json_text_at(kept, "user"), "anna");
    ck_assert_str_eq(json_text_at(kept, "device"), "d-1");
    ck_assert_str_eq(json_text_at(kept, "topic"), "t");
    ck_assert_str_eq(json_text_at(kept, "event"), "e");
    ck_assert_str_eq(json_text_at(kept, "urgency"), "high");
    ck_assert_int_eq(json_int_at(kept, "ttl"), 60);
    ck_assert_int_eq(json_int_at(kept, "size"), 6);
    ck_assert_int_ge(json_int_at(kept, "at"), wall_ms() + 3500 * 1000);
    ck_assert_int_le(json_int_at(kept, "at"), wall_ms() + 3600 * 1000);
    http_expect(http_get(s, elsewhere), 404, NULL);
    http_expect(http_do(s, "DELETE", elsewhere, NULL, NULL), 404, NULL);
    http_expect(http_do(s, "DELETE", location, NULL, NULL), 200, NULL);
    http_expect(http_do(s, "DELETE", location, NULL, NULL), 409, NULL);
    ck_assert_str_eq(state_of(s, location), "recalled");
    http_expect(http_get(s, "/push/scheduled/8yIJIc5myal"), 404, NULL);
    http_expect(http_get(s, "/push/scheduled/no-id"), 404, NULL);
}

static void is_listed(struct server *s)
{
    const json_t *list;

    keep_later(s, "user=list-b", "Push-At: +1000\r\n", "x");
    keep_later(s, "channel=list-a", "Push-At: +900\r\n", "x");
    keep_later(s, "broadcast=1", "Push-At: +800\r\n", "x");
    list = http_get(s, "/push/scheduled?prefix=list-")->json;
    ck_assert_str_eq(json_text_at(list, "scheduled.0.channel"), "list-a");
    ck_assert_str_eq(json_text_at(list, "scheduled.1.user"), "list-b");
    ck_assert_int_eq(listed(s, "?prefix=list-"), 2);
    ck_assert_int_eq(listed(s, ""), 3);
    list = http_get(s, "/push/scheduled?limit=1")->json;
    ck_assert(json_is_true(json_at(list, "scheduled.0.broadcast")));
    ck_assert(json_is_true(json_at(list, "more")));
    http_expect(http_get(s, "/push/scheduled?limit=0"), 400, "limit");
}

static void lines_can_wait(struct server *s)
{
    struct answer *a = publish_lines(
        s, "{\"user\":\"lin\",\"text\":\"a\",\"at\":\"+0.2\"}\n"
           "{\"user\":\"lin\",\"text\":\"b\",\"at\":\"2001-01-01T00:00:00Z\"}"
           "\n"
           "{\"user\":\"lin\",\"text\":\"c\",\"at\":5}\n"
           "{\"user\":\"lin\",\"text\":\"d\",\"at\":\"+2592001\"}\n");
    struct stream *st = stream_open(s, "user=lin&device=d&seq=0", NULL);

    ck_assert_ptr_nonnull(strstr(a->body, "\"scheduled\":true}\n{\"id\""));
    ck_assert_ptr_nonnull(strstr(a->body, "at: a string"));
    ck_assert_ptr_nonnull(strstr(a->body, "at most 30 days ahead"));
    expect_message(st, 1, "b");
    expect_message(st, 2, "a");
    stream_close(st);
}

static void a_repeated_key_gives_the_same(struct server *s)
{
    static const char headers[] = "Push-At: +0.3\r\nIdempotency-Key: k\r\n";
    struct stream *st = stream_open(s, "user=key&device=d&seq=0", NULL);
    const char *first = keep_later(s, "user=key", headers, "once");

    ck_assert_str_eq(keep_later(s, "user=key", headers, "once"), first);
    wait_published(s, first);
    ck_assert_str_eq(keep_later(s, "user=key", headers, "once"), first);
    http_expect(publish_try(s, "user=key", headers, "else"), 422, NULL);
    publish(s, "user=key", NULL, "last");
    expect_message(st, 1, "once");
    expect_message(st, 2, "last");
    stream_close(st);
}

static void a_topic_replaces(struct server *s)
{
    struct stream *st = stream_open(s, "user=top&device=d&seq=0", NULL);
    const char *first = keep_later(s, "user=top",
                                   "Push-At: +0.3\r\nTopic: t\r\n", "old");
    const char *second = keep_later(s, "user=top",
                                    "Push-At: +0.4\r\nTopic: t\r\n", "new");

    ck_assert_str_eq(state_of(s, first), "replaced");
    expect_message(st, 1, "new");
    wait_published(s, second);
    stream_close(st);
}

static void channels_and_all_are_reached(struct server *s)
{
    struct stream *st = stream_open(s, "user=cha&device=d&seq=0&channel=c",
                                    NULL);

    keep_later(s, "channel=c", "Push-At: +0.2\r\n", "to the channel");
    expect_message(st, 1, "to the channel");
    keep_later(s, "broadcast=1", "Push-At: +0.2\r\n", "to all");
    expect_message(st, 2, "to all");
    stream_close(st);
}

static void some_of_the_devices_are_reached(struct server *s)
{
    static const char where[] = "Push-At: +0.3\r\nPush-Where: os=ios\r\n";
    struct stream *i = stream_open(s, "user=som&device=i&seq=0&os=iOS", NULL);
    struct stream *a = stream_open(s, "user=som&device=a&seq=0&os=android",
                                   NULL);
    const char *location = keep_later(s, "user=som", where, "ios");

    ck_assert_str_eq(json_text_at(http_get(s, location)->json, "where"),
                     "os=ios");
    publish_lines(s, "{\"user\":\"som\",\"text\":\"android\",\"at\":\"+0.3\","
                     "\"where\":{\"os\":\"android\"}}\n");
    keep_later(s, "user=som", "Push-At: +0.4\r\n", "both");
    expect_message(i, 1, "ios");
    expect_message(i, 2, "both");
    expect_message(a, 1, "android");
    expect_message(a, 2, "both");
    stream_close(i);
    stream_close(a);
}

START_TEST(what_is_published_later_is_seen_recalled_and_comes_in_time)
{
    struct server *s = shared();

    comes_at_its_time(s);
    is_seen_and_recalled(s);
    lines_can_wait(s);
    a_repeated_key_gives_the_same(s);
    a_topic_replaces(s);
    channels_and_all_are_reached(s);
    some_of_the_devices_are_reached(s);
    is_listed(s);
    ck_assert(
        json_is_true(json_at(http_get(s, "/push/check")->json, "sound")));
}
END_TEST

static const char *const illegal[] = {"",
                                      "5",
                                      "-5",
                                      "+",
                                      "+5s",
                                      "+1e3",
                                      "+2592001",
                                      "tomorrow",
                                      "+1.2345",
                                      "0",
                                      "+99999999999",
                                      "2026-02-30T00:00:00Z",
                                      "2026-11-30",
                                      "9999-12-31T23:59:59Z",
                                      "2026-11-30T14:00:00"};

START_TEST(a_bad_moment_is_named_with_what_is_legal)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
        http_expect(publish_try(s, "user=ada",
                                keep_printf("Push-At: %s\r\n", illegal[i]),
                                "x"),
                    400,
                    "Push-At: seconds from now as +N, or a time as "
                    "2026-12-31T23:59:59Z (RFC 3339), at most 30 days ahead");
    }
    ck_assert_int_eq(listed(s, ""), 0);
    http_expect(http_get(s, "/push/devices?user=ada"), 404, NULL);
    /* As far as may be, and what has passed. */
    keep_later(s, "user=ada", "Push-At: +2592000\r\n", "x");
    publish(s, "user=ada", keep_printf("Push-At: %s\r\n", moment(-5)), "now");
    publish(s, "user=ada", "Push-At: +0\r\n", "now");
}
END_TEST

/* ---- over restarts ---- */

START_TEST(what_is_kept_outlives_whatever_happens_to_the_server)
{
    struct server_options o = {.global = COMMIT};
    struct server *s = server_start(&o);
    const char *soon, *later, *recalled;
    struct stream *st;

    keep_later(s, "user=ada", "Push-At: +2\r\nPush-Where: os=ios\r\n",
               "not for it");
    soon = keep_later(s, "user=ada",
                      "Push-At: +2\r\nPush-Where: os=android\r\n", "soon");
    later = keep_later(s, "user=ada", "Push-At: +3600\r\n", "later");
    recalled = keep_later(s, "user=ada", "Push-At: +2\r\n", "recalled");
    http_expect(http_do(s, "DELETE", recalled, NULL, NULL), 200, NULL);
    server_kill(s);
    server_again(s);
    ck_assert_str_eq(state_of(s, recalled), "recalled");
    st = stream_open(s, "user=ada&device=d&seq=0&os=android", NULL);
    expect_message(st, 1, "soon");
    wait_published(s, soon);
    server_rest(s);
    server_again(s);
    ck_assert_str_eq(state_of(s, soon), "published");
    ck_assert_str_eq(state_of(s, later), "kept");
    ck_assert_int_eq(listed(s, ""), 1);
    server_graceful(s);
    ck_assert_str_eq(state_of(s, later), "kept");
    publish(s, "user=ada", NULL, "last");
    st = stream_open(s, "user=ada&device=d&seq=0&os=android", NULL);
    expect_message(st, 1, "soon");
    expect_message(st, 2, "last");
}
END_TEST

#define LINES 400

/* Lines for one user, due over the next two seconds. */
static const char *lines_of(int count)
{
    char *text = keep_printf("%*s", count * 80, "");
    size_t len = 0;

    for (int i = 0; i < count; i++) {
        len += (size_t)sprintf(text + len,
                               "{\"user\":\"ada\",\"text\":\"m%d\","
                               "\"at\":\"+%d.%03d\"}\n",
                               i, i * 2 / count, i * 2000 / count % 1000);
    }
    return text;
}

/* All of them, each once, and what was published behind them. */
static void expect_each_once(const struct server *s, int count)
{
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    bool *came = keep(calloc((size_t)count, sizeof(*came)), free);
    const struct event *e;

    publish(s, "user=ada", "Urgency: low\r\n", "last");
    for (e = stream_next(st); strcmp(e->data, "last"); e = stream_next(st)) {
        int number = atoi(e->data + 1);

        ck_assert_msg(!came[number], "m%d came twice", number);
        came[number] = true;
    }
    for (int i = 0; i < count; i++) {
        ck_assert_msg(came[i], "m%d never came", i);
    }
}

/* In the middle of it children are killed, one after the other. */
START_TEST(children_that_are_killed_publish_nothing_twice)
{
    struct server_options o = {.global = COMMIT};
    struct server *s = server_start(&o);
    pid_t pids[8];

    server_allow(s, "exit signal Killed");
    publish_lines(s, lines_of(LINES));
    for (int i = 0; i < 4; i++) {
        int64_t start = wait_now();

        wait_until(server_children(s, pids, 8) > 0);
        server_kill_child(s, pids[0]);
        wait_until(wait_now() > start + 400);
    }
    wait_until(listed(s, "") == 0);
    expect_each_once(s, LINES);
    ck_assert(
        json_is_true(json_at(http_get(s, "/push/check")->json, "sound")));
}
END_TEST

START_TEST(a_server_that_is_killed_in_the_middle_loses_nothing)
{
    struct server_options o = {.global = COMMIT};
    struct server *s = server_start(&o);
    int64_t start = wait_now();

    publish_lines(s, lines_of(LINES));
    wait_until(wait_now() > start + 700 || listed(s, "") < LINES / 2);
    server_kill(s);
    server_again(s);
    wait_until(listed(s, "") == 0);
    expect_each_once(s, LINES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("later");
    TCase *tc = case_add(suite, "later", 60);

    tcase_add_test(tc,
                   what_is_published_later_is_seen_recalled_and_comes_in_time);
    tcase_add_test(tc, a_bad_moment_is_named_with_what_is_legal);
    tcase_add_test(tc, what_is_kept_outlives_whatever_happens_to_the_server);
    tcase_add_test(tc, children_that_are_killed_publish_nothing_twice);
    tcase_add_test(tc, a_server_that_is_killed_in_the_middle_loses_nothing);
    return case_run(suite);
}
