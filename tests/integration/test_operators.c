/*
 * Operators: whom the administration lets in follows the server's own channels
 * there, and nobody else is such a user.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

START_TEST(an_operator_follows_the_servers_own_channels)
{
    struct server *s = server_start(NULL);
    struct stream *st = follow_open(
        s, "device=d&seq=0&channel=$stats&channel=$other", NULL);
    const char *id = stream_header(st, "Push-Device");
    struct answer *a = http_get(s, keep_printf("/push/devices/%s", id));

    ck_assert_str_eq(json_text_at(a->json, "user"), "$admin");
    ck_assert_str_eq(json_text_at(a->json, "channels.0"), "$stats");
    ck_assert_str_eq(json_text_at(a->json, "channels.1"), "$other");
    ck_assert_int_eq(
        http_do(s, "POST", "/push/ack?device=d&seq=0", NULL, "")->status, 204);
    http_expect(http_do(s, "POST", "/push/ack?device=d&seq=1", NULL, ""), 409,
                "seq");
    http_expect(http_do(s, "POST", "/push/ack?device=e&seq=0", NULL, ""), 404,
                NULL);
}
END_TEST

START_TEST(stats_come_every_second_while_a_stream_follows_them)
{
    struct server *s = server_start(NULL);
    const json_t *first, *second;
    struct stream *st;
    const struct event *e;
    json_int_t published;

    publish(s, "user=ada", NULL, "x");
    st = follow_open(s, "device=d&seq=0&channel=$stats&meta=type,urgency",
                     NULL);
    e = stream_next(st);
    ck_assert_str_eq(e->type, "stats");
    first = json_keep(json_loads(e->data, 0, NULL));
    ck_assert_int_eq(json_int_at(first, "streams"), 1);
    ck_assert_int_ge(json_int_at(first, "published"), 1);
    ck_assert_uint_eq(json_array_size(json_at(first, "children")), 2);
    ck_assert_int_gt(json_int_at(first, "children.0.pid"), 1);
    ck_assert_int_ge(json_int_at(first, "children.1.busy_ms"), 0);
    ck_assert_int_gt(json_int_at(first, "memory.size"), 0);
    ck_assert_uint_eq(
        json_array_size(json_at(first, "write_latency.buckets")) + 1,
        json_array_size(json_at(first, "write_latency.very-low")));
    ck_assert_uint_eq(json_array_size(json_at(first, "ack_latency.buckets"))
                          + 1,
                      json_array_size(json_at(first, "ack_latency.high")));
    second = json_keep(json_loads(stream_next(st)->data, 0, NULL));
    ck_assert_int_gt(json_int_at(second, "time"), json_int_at(first, "time"));
    /* One child of all makes them, and none does when nobody looks. */
    ck_assert_int_le(
        (json_int_at(second, "published") - json_int_at(first, "published"))
            * 900,
        json_int_at(second, "time") - json_int_at(first, "time"));
    ck_assert_int_ge(json_int_at(second, "write_latency.low.17"), 1);
    stream_close(st);
    wait_until(stat_of(s, "streams") == 0);
    published = stat_of(s, "published");
    wait_until(wait_now() >= st->wire->last_bytes + 2500);
    ck_assert_int_le(stat_of(s, "published"), published + 1);
}
END_TEST

START_TEST(an_operator_may_poll)
{
    struct server *s = server_start(NULL);

    ck_assert_int_eq(
        http_get(s, "/push/receive?wait=0&device=d&channel=$stats")->status,
        204);
}
END_TEST

/* Operators see no payload, and nobody counts them as recipients. */
START_TEST(what_is_for_everybody_is_not_for_operators)
{
    struct server *s = server_start(NULL);
    struct stream *rider = stream_open(s, "user=ada&device=d&seq=0", NULL);
    struct answer *a;
    const char *mid;

    follow_open(s, "device=d&seq=0&channel=$stats", NULL);
    a = publish_try(s, "broadcast=1", NULL, "all");
    ck_assert_int_eq(json_int_at(a->json, "recipients"), 1);
    ck_assert_int_eq(json_int_at(a->json, "connected"), 1);
    mid = json_text_at(a->json, "id");
    expect_message(rider, 1, "all");
    acknowledge(s, "user=ada&device=d&seq=1");
    a = http_get(s, "/push/receive?wait=0&device=d&channel=$stats");
    ck_assert_int_eq(a->status, 204);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    ck_assert_int_eq(count_of(s, mid, "pending"), 0);
    ck_assert_int_eq(json_int_at(http_get(s, "/push/check")->json, "wrong"),
                     0);
}
END_TEST

/* ---- who is not let in, and to what ---- */

#define EVIL "Origin: https://evil.example\r\n"
#define AWAY "Sec-Fetch-Site: cross-site\r\n"

static const struct {
    const char *method, *target, *headers, *type;
    int status;
} refusals[] = {
    {"GET", "receive?channel=news", "", "channel-closed", 403},
    {"GET", "receive?channel=$stats&channel=news", "", "channel-closed", 403},
    {"GET", "receive?wait=0&channel=news", "", "channel-closed", 403},
    {"HEAD", "receive?channel=news", "", NULL, 403},
    {"GET", "receive?channel=$stats", EVIL, "forgery", 403},
    {"GET", "receive?channel=$stats", AWAY, "forgery", 403},
    {"POST", "ack?device=d&seq=0", EVIL, "forgery", 403},
    {"POST", "ack?device=d&seq=0", AWAY, "forgery", 403},
    {"POST", "ack?device=d&seq=0", "Cookie: a=b\r\n", "forgery", 403},
    {"POST", "receive?channel=$stats", "", "bad-method", 405},
    {"GET", "ack?device=d&seq=0", "", "bad-method", 405},
    {"POST", "ticket", "", "not-found", 404},
    {"GET", "receive?channel=$stats&token=x", "", "token-in-url", 400},
};

START_TEST(no_channel_of_others_and_no_foreign_page)
{
    /* The inherited PushUser has no say, and PushChannels neither. */
    struct server_options o = {.global = "PushUser query:user\n"
                                         "PushChannels *"};
    struct server *s = server_start(&o);

    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct answer *a = http_do(s, refusals[i].method,
                                   keep_printf("/push/%s", refusals[i].target),
                                   refusals[i].headers, NULL);

        ck_assert_msg(a->status == refusals[i].status, "%zu: %s%s", i, a->head,
                      a->body);
        ck_assert_msg(refusals[i].type == NULL
                          || strstr(json_text_at(a->json, "type"),
                                    refusals[i].type),
                      "%zu: %s", i, a->body);
    }
    ck_assert_int_eq(stat_of(s, "devices"), 0);
}
END_TEST

START_TEST(without_a_require_nobody_is_an_operator)
{
    struct server_options o = {.admin = "PushDefaultTTL 300"};
    struct server *s = server_start(&o);

    http_expect(http_get(s, "/push/receive?channel=$stats"), 403, "Require");
    http_expect(http_do(s, "POST", "/push/ack?device=d&seq=0", NULL, ""), 403,
                "Require");
}
END_TEST

/* ---- nobody else ---- */

/* A subscriber who would be an operator. */
static const struct {
    const char *lines, *query, *headers;
} impostors[] = {
    {"PushUser query:user\nPushChannels * $*", "user=$admin", ""},
    {"PushUser query:user\nPushChannels * $*", "user=$else", ""},
    {"PushUser expr=%{HTTP:X-Who}", "", "X-Who: $admin\r\n"},
    {"PushUser auth\nAuthType Basic\nAuthName x\nAuthUserFile htpasswd\n"
     "Require valid-user",
     "", "Authorization: Basic JGFkbWluOnB3\r\n"},
};

START_TEST(no_subscriber_is_an_operator)
{
    struct server_options o = {.receive = impostors[_i].lines};
    struct server *s = server_start(&o);
    const char *target = keep_printf("device=d&seq=0&%s", impostors[_i].query);

    server_write(s, "htpasswd", "$admin:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n");
    http_expect(http_do(s, "GET", keep_printf("/ramen/receive?%s", target),
                        impostors[_i].headers, NULL),
                403, "user: names that begin with $");
    http_expect(http_do(s, "POST", keep_printf("/ramen/ack?%s", target),
                        impostors[_i].headers, ""),
                403, "user: names that begin with $");
    http_expect(http_do(s, "POST",
                        keep_printf("/ramen/ticket?%s", impostors[_i].query),
                        impostors[_i].headers, ""),
                403, "user: names that begin with $");
    ck_assert_int_eq(stat_of(s, "users"), 0);
}
END_TEST

START_TEST(no_token_makes_an_operator_of_a_subscriber)
{
    struct server *s = token_server("PushChannels * $*", "");
    const char *bearer = token_bearer("$admin", ",\"push_admin\":true");

    http_expect(http_do(s, "GET", "/ramen/receive?device=d&seq=0", bearer,
                        NULL),
                403, "user");
    http_expect(http_do(s, "GET", "/push/receive?device=d&seq=0", bearer,
                        NULL),
                403, "user");
}
END_TEST

START_TEST(nobody_publishes_to_operators)
{
    struct server *s = server_start(NULL);
    struct answer *a;

    http_expect(publish_try(s, "user=$admin", NULL, "x"), 400, "user");
    http_expect(publish_try(s, "channel=$stats", NULL, "x"), 400, "channel");
    a = publish_lines(s, "{\"user\":\"$admin\",\"data\":1}\n");
    ck_assert_ptr_nonnull(strstr(a->body, "reserved"));
}
END_TEST

/* ---- tokens ---- */

START_TEST(an_operator_with_a_token_needs_its_admin_claim)
{
    struct server *s = token_server("", "");
    const char *rider = token_bearer("ada", ",\"push_channels\":\"$*\"");
    struct stream *st;

    http_expect(http_get(s, "/push/receive?channel=$stats"), 401, "Bearer");
    http_expect(http_do(s, "GET", "/push/receive?channel=$stats", rider, NULL),
                403, "admin");
    st = follow_open(s, "device=d&seq=0&channel=$stats",
                     token_bearer("ops", ",\"push_admin\":true"));
    /* What the rider's token opens stays the rider's. */
    ck_assert_str_ne(
        stream_header(st, "Push-Device"),
        stream_header(stream_open(s, "device=d&seq=0&channel=$stats", rider),
                      "Push-Device"));
}
END_TEST

START_TEST(a_revocation_of_an_operators_token_ends_its_stream)
{
    struct server *s = token_server("", "");
    const char *bearer = token_bearer("ops", ",\"push_admin\":true");
    struct stream *st = follow_open(s, "device=d&seq=0&channel=$stats",
                                    bearer);

    ck_assert_int_eq(
        http_do(s, "POST", "/push/users/ops/revoke", token_root(), "")->status,
        200);
    stream_expect_bye(st, "disconnected");
    http_expect(http_do(s, "GET", "/push/receive?channel=$stats", bearer,
                        NULL),
                401, "revoked");
}
END_TEST

/* ---- many ---- */

START_TEST(ten_operators_follow_whatever_the_limits_of_users_are)
{
    struct server_options o = {.global = "PushMaxStreamsPerUser 1\n"
                                         "PushMaxDevicesPerUser 1\n"
                                         "PushMaxChannelsPerUser 1"};
    struct server *s = server_start(&o);

    for (int i = 0; i < 10; i++) {
        follow_open(s,
                    "channel=$stats&channel=$receipts&channel=$presence&"
                    "channel=$deadletters",
                    NULL);
    }
    /* Pages that are loaded again and again leave devices behind. */
    for (int i = 0; i < 80; i++) {
        ck_assert_int_eq(http_get(s, "/push/receive?wait=0&channel=$stats&"
                                     "channel=$receipts&channel=$presence&"
                                     "channel=$deadletters")
                             ->status,
                         204);
    }
    ck_assert_int_eq(stat_of(s, "streams"), 10);
    ck_assert_int_le(stat_of(s, "devices"), 64);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("operators");
    TCase *tc = case_add(suite, "operators", 60);

    tcase_add_test(tc, an_operator_follows_the_servers_own_channels);
    tcase_add_test(tc, stats_come_every_second_while_a_stream_follows_them);
    tcase_add_test(tc, an_operator_may_poll);
    tcase_add_test(tc, what_is_for_everybody_is_not_for_operators);
    tcase_add_test(tc, no_channel_of_others_and_no_foreign_page);
    tcase_add_test(tc, without_a_require_nobody_is_an_operator);
    tcase_add_row_test(tc, no_subscriber_is_an_operator, impostors);
    tcase_add_test(tc, no_token_makes_an_operator_of_a_subscriber);
    tcase_add_test(tc, nobody_publishes_to_operators);
    tcase_add_test(tc, an_operator_with_a_token_needs_its_admin_claim);
    tcase_add_test(tc, a_revocation_of_an_operators_token_ends_its_stream);
    tcase_add_test(tc, ten_operators_follow_whatever_the_limits_of_users_are);
    return case_run(suite);
}
