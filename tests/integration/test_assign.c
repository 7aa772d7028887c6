/*
 * What the server subscribes users to, over HTTP: open streams, streams that
 * come, restarts.
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

static struct answer *ask(const struct server *s, const char *method,
                          const char *user, const char *channel)
{
    return http_do(s, method,
                   keep_printf("/push/users/%s/channels/%s", user, channel),
                   NULL, NULL);
}

static void assign(const struct server *s, const char *user,
                   const char *channel)
{
    const struct answer *a = ask(s, "PUT", user, channel);

    http_expect(a, 200, NULL);
    ck_assert(json_is_true(json_at(a->json, "subscribed")));
    ck_assert_str_eq(json_text_at(a->json, "user"), user);
}

static void unassign(const struct server *s, const char *user,
                     const char *channel)
{
    const struct answer *a = ask(s, "DELETE", user, channel);

    http_expect(a, 200, NULL);
    ck_assert(json_is_false(json_at(a->json, "subscribed")));
}

static void cast(const struct server *s, const char *channel, const char *text)
{
    publish(s, keep_printf("channel=%s", channel), NULL, text);
}

/* The channels that the server subscribes the user to, as JSON. */
static const char *channels_of(const struct server *s, const char *user)
{
    const struct answer *a = http_get(s, keep_printf("/push/users/%s/channels",
                                                     user));
    char *text;

    http_expect(a, 200, NULL);
    text = json_dumps(json_at(a->json, "channels"), JSON_COMPACT);
    return keep(text, free);
}

/* ---- one server for all that is asked over HTTP ---- */

static void open_streams_follow_at_once(const struct server *s)
{
    struct stream *phone = stream_open(s, "user=ada&device=phone", NULL);
    struct stream *laptop = stream_open(s, "user=ada&device=laptop", NULL);

    assign(s, "ada", "news");
    assign(s, "ada", "news");
    cast(s, "news", "1");
    expect_message(phone, 1, "1");
    expect_message(laptop, 1, "1");
    /* Each reactor that follows is woken by the publish, too. */
    cast(s, "news", "2");
    expect_message(phone, 2, "2");
    expect_message(laptop, 2, "2");
    unassign(s, "ada", "news");
    cast(s, "news", "3");
    publish(s, "user=ada", NULL, "4");
    expect_message(phone, 3, "4");
    expect_message(laptop, 3, "4");
    assign(s, "ada", "news");
    cast(s, "news", "5");
    expect_message(phone, 4, "5");
    expect_message(laptop, 4, "5");
    unassign(s, "ada", "news");
    stream_close(phone);
    stream_close(laptop);
}

static void devices_that_come_follow(const struct server *s)
{
    struct stream *st;

    assign(s, "bob", "news");
    assign(s, "bob", "sport");
    st = stream_open(s, "user=bob&device=d&channel=own", NULL);
    cast(s, "sport", "1");
    cast(s, "own", "2");
    cast(s, "news", "3");
    expect_message(st, 1, "1");
    expect_message(st, 2, "2");
    expect_message(st, 3, "3");
    ck_assert_str_eq(channels_of(s, "bob"), "[\"news\",\"sport\"]");
    stream_close(st);
}

static void how_it_stands_is_shown(const struct server *s)
{
    assign(s, "cay", "a%20tag");
    ck_assert_str_eq(channels_of(s, "cay"), "[\"a tag\"]");
    http_expect(ask(s, "GET", "cay", "a%20tag"), 200, NULL);
    http_expect(ask(s, "GET", "cay", "b"), 404, "does not subscribe");
    http_expect(ask(s, "DELETE", "cay", "b"), 404, "does not subscribe");
    ck_assert_str_eq(channels_of(s, "nobody"), "[]");
    /* A name with a slash goes into the query. */
    http_expect(http_do(s, "PUT",
                        "/push/subscriptions?user=c%2Fd&channel=e%2Ff", NULL,
                        NULL),
                200, NULL);
    ck_assert_str_eq(
        json_text_at(http_get(s, "/push/subscriptions?user=c%2Fd")->json,
                     "channels.0"),
        "e/f");
    http_expect(http_do(s, "DELETE",
                        "/push/subscriptions?user=c%2Fd&channel=e%2Ff", NULL,
                        NULL),
                200, NULL);
}

static void bad_requests_change_nothing(const struct server *s)
{
    http_expect(ask(s, "PUT", "$me", "news"), 400, "user: ");
    http_expect(ask(s, "PUT", "dan", "$stats"), 400, "channel: ");
    http_expect(ask(s, "PUT", "dan", "a%0Ab"), 400, "channel: ");
    http_expect(ask(s, "POST", "dan", "news"), 405, "PUT");
    http_expect(http_do(s, "PUT", "/push/subscriptions?user=dan", NULL, NULL),
                400, "channel: ");
    ck_assert_str_eq(channels_of(s, "dan"), "[]");
}

static void many_are_changed_at_once(const struct server *s)
{
    struct stream *st = stream_open(s, "user=eve&device=d", NULL);
    const struct answer *a = http_do(
        s, "POST", "/push/subscriptions", NULL,
        "{\"user\":\"eve\",\"channel\":\"x\"}\n"
        "{\"user\":\"eve\",\"channel\":\"y\",\"subscribe\":true}\r\n"
        "nothing\n"
        "{\"user\":\"eve\",\"channel\":\"x\",\"subscribe\":false}\n"
        "\n"
        "{\"user\":\"eve\",\"channel\":\"z\",\"subscribe\":\"yes\"}\n"
        "{\"user\":\"eve\",\"chanel\":\"z\"}\n"
        "{\"user\":\"fay\",\"channel\":\"x\",\"subscribe\":false}");

    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "done"), 3);
    ck_assert_int_eq(json_int_at(a->json, "failed.0.line"), 3);
    ck_assert_ptr_nonnull(
        strstr(json_text_at(a->json, "failed.1.problem.detail"), "subscribe"));
    ck_assert_ptr_nonnull(
        strstr(json_text_at(a->json, "failed.2.problem.detail"), "chanel"));
    ck_assert_int_eq(json_int_at(a->json, "failed.3.problem.status"), 404);
    ck_assert_str_eq(channels_of(s, "eve"), "[\"y\"]");
    cast(s, "x", "1");
    cast(s, "y", "2");
    expect_message(st, 1, "2");
    stream_close(st);
}

static void there_is_a_limit(const struct server *s)
{
    for (int i = 0; i < 4; i++) {
        assign(s, "gil", keep_printf("c%d", i));
    }
    http_expect(ask(s, "PUT", "gil", "c4"), 429, "as many as may be: 4");
    ck_assert_str_eq(channels_of(s, "gil"), "[\"c0\",\"c1\",\"c2\",\"c3\"]");
    /* What a device asks for has room beside it. */
    stream_close(stream_open(
        s, "user=gil&device=d&channel=1&channel=2&channel=3&channel=4", NULL));
}

START_TEST(the_server_subscribes_users)
{
    const struct server_options o = {.global = "PushMaxChannelsPerUser 4\n"};
    struct server *s = server_start(&o);

    open_streams_follow_at_once(s);
    devices_that_come_follow(s);
    how_it_stands_is_shown(s);
    bad_requests_change_nothing(s);
    many_are_changed_at_once(s);
    there_is_a_limit(s);
    ck_assert(
        json_is_true(json_at(http_get(s, "/push/check")->json, "sound")));
}
END_TEST

START_TEST(a_restart_changes_nothing)
{
    struct server_options o = {.global = "PushStateDir state\n"
                                         "PushDurability commit\n"};
    struct server *s = server_start(&o);
    struct stream *st;

    assign(s, "ada", "news");
    assign(s, "ada", "sport");
    unassign(s, "ada", "sport");
    server_kill(s);
    server_again(s);
    ck_assert_str_eq(channels_of(s, "ada"), "[\"news\"]");
    st = stream_open(s, "user=ada&device=d", NULL);
    cast(s, "sport", "0");
    cast(s, "news", "1");
    expect_message(st, 1, "1");
    server_graceful(s);
    ck_assert_str_eq(channels_of(s, "ada"), "[\"news\"]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assign");
    TCase *tc = case_add(suite, "assign", 60);

    tcase_add_test(tc, the_server_subscribes_users);
    tcase_add_test(tc, a_restart_changes_nothing);
    return case_run(suite);
}
