/*
 * What tokens allow publishers and administrators, and users who are sent
 * away.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

/* ---- publishers ---- */

/* A publish claim, an audience, and whether it may be published to. */
static const struct {
    const char *claim;
    const char *query;
    const char *line; /* the same as a member of a line */
    bool allowed;
    bool none; /* it publishes nothing at all */
} scopes[] = {
    {"", "user=ada", "\"user\":\"ada\"", false, true},
    {"", "channel=c", "\"channel\":\"c\"", false, true},
    {"", "broadcast=1", "\"broadcast\":true", false, true},
    {",\"push_publish\":[]", "user=ada", "\"user\":\"ada\"", false, true},
    {",\"push_publish\":\"user:ada\"", "user=ada", "\"user\":\"ada\"", true,
     false},
    {",\"push_publish\":\"user:ada\"", "user=ada&device=d",
     "\"user\":\"ada\",\"device\":\"d\"", true, false},
    {",\"push_publish\":\"user:ada\"", "user=adam", "\"user\":\"adam\"", false,
     false},
    {",\"push_publish\":\"user:ada\"", "channel=ada", "\"channel\":\"ada\"",
     false, false},
    {",\"push_publish\":\"user:a*\"", "user=adam", "\"user\":\"adam\"", true,
     false},
    {",\"push_publish\":\"user:*\"", "broadcast=1", "\"broadcast\":true",
     false, false},
    {",\"push_publish\":[\"channel:a\",\"channel:b*\"]", "channel=bc",
     "\"channel\":\"bc\"", true, false},
    {",\"push_publish\":[\"channel:a\",\"channel:b*\"]", "channel=ab",
     "\"channel\":\"ab\"", false, false},
    {",\"push_publish\":\"broadcast\"", "broadcast=1", "\"broadcast\":true",
     true, false},
    {",\"push_publish\":\"broadcast\"", "user=ada", "\"user\":\"ada\"", false,
     false},
    {",\"push_publish\":\"*\"", "broadcast=1", "\"broadcast\":true", true,
     false},
    {",\"push_publish\":\"*\"", "user=ada", "\"user\":\"ada\"", true, false},
    {",\"push_admin\":true", "user=ada", "\"user\":\"ada\"", false, true},
    {",\"push_channels\":\"*\"", "channel=c", "\"channel\":\"c\"", false,
     true},
};

START_TEST(a_token_publishes_to_what_it_names_and_to_nobody_else)
{
    struct server *s = token_server("", "");
    const char *bearer = token_bearer("pub", scopes[_i].claim);
    struct answer *a = publish_try(s, scopes[_i].query, bearer, "x");

    http_expect(a, scopes[_i].allowed ? 201 : 403, NULL);
    ck_assert(
        scopes[_i].allowed
        || strstr(http_header(a, "WWW-Authenticate"), "insufficient_scope"));
    a = http_do(s, "POST", "/push/messages",
                keep_printf("%sContent-Type: application/x-ndjson\r\n",
                            bearer),
                keep_printf("{%s,\"text\":\"x\"}\n", scopes[_i].line));
    if (scopes[_i].none) {
        http_expect(a, 403, "publish");
        return;
    }
    ck_assert_int_eq(a->status, 200);
    ck_assert_msg((strstr(a->body, "\"status\":403") == NULL)
                      == scopes[_i].allowed,
                  "%s", a->body);
}
END_TEST

START_TEST(idempotency_keys_of_two_tokens_are_two)
{
    struct server *s = token_server("", "");
    const char *one = token_bearer("one", ",\"push_publish\":\"*\"");
    const char *two = token_bearer("two", ",\"push_publish\":\"*\"");
    const char *ids[3];

    for (int i = 0; i < 3; i++) {
        struct answer *a = publish_try(
            s, "user=ada",
            keep_printf("%sIdempotency-Key: k\r\n", i == 1 ? two : one), "x");

        http_expect(a, 201, NULL);
        ids[i] = json_text_at(a->json, "id");
    }
    ck_assert_str_ne(ids[0], ids[1]);
    ck_assert_str_eq(ids[0], ids[2]);
    /* Another payload under it: only for who used it. */
    http_expect(publish_try(s, "user=ada",
                            keep_printf("%sIdempotency-Key: k\r\n", one), "y"),
                422, NULL);
    http_expect(publish_try(s, "user=ada",
                            keep_printf("%sIdempotency-Key: k\r\n", two), "x"),
                201, NULL);
}
END_TEST

/* ---- administrators ---- */

static const struct {
    const char *method;
    const char *path;
} endpoints[] = {
    {"GET", "/push/stats"},
    {"GET", "/push/health"},
    {"GET", "/push/metrics"},
    {"GET", "/push/reports"},
    {"GET", "/push/explain?user=ada"},
    {"GET", "/push/receipts/00000000000"},
    {"GET", "/push/"},
    {"GET", "/push/channels"},
    {"GET", "/push/streams"},
    {"GET", "/push/children"},
    {"GET", "/push/users?user=ada"},
    {"GET", "/push/receive?channel=$stats&wait=0"},
    {"POST", "/push/ack?device=d&seq=0"},
    {"GET", "/push/users/ada/devices"},
    {"GET", "/push/users/nobody/devices"},
    {"GET", "/push/devices/AAAAAAAAAAAAAAAAAAAAAA"},
    {"GET", "/push/messages/00000000000"},
    {"DELETE", "/push/messages/00000000000"},
    {"DELETE", "/push/users/ada/streams"},
    {"DELETE", "/push/streams?user=ada"},
    {"POST", "/push/users/ada/revoke"},
    {"POST", "/push/revoke?user=ada"},
    {"GET", "/push/nothing"},
    {"PUT", "/push/stats"},
};

START_TEST(the_administration_is_for_tokens_of_administrators)
{
    struct server *s = token_server("", "");
    const char *method = endpoints[_i].method;
    const char *path = endpoints[_i].path;
    struct answer *a = http_do(s, method, path, NULL, NULL);
    int status;

    http_expect(a, 401, "Bearer");
    ck_assert_ptr_nonnull(http_header(a, "WWW-Authenticate"));
    http_expect(http_do(s, method, path,
                        token_bearer("ada", ",\"push_publish\":\"*\""), NULL),
                403, "administration");
    http_expect(http_do(s, method, path,
                        token_bearer("ada", ",\"push_admin\":false"), NULL),
                403, "administration");
    http_expect(http_do(s, method, path,
                        token_bearer("ada", ",\"push_admin\":\"true\""), NULL),
                401, "PushJWTClaim");
    status = http_do(s, method, path, token_root(), NULL)->status;
    ck_assert_msg(status != 401 && status != 403, "%s: %d", path, status);
}
END_TEST

/* ---- sent away ---- */

START_TEST(an_administrator_ends_the_streams_of_a_user)
{
    struct server *s = token_server("", "");
    struct stream *one = stream_open(s, "device=a&seq=0",
                                     token_bearer("ada", ""));
    struct stream *two = stream_open(s, "device=b&seq=0",
                                     token_bearer("ada", ""));
    struct stream *other = stream_open(s, "device=a&seq=0",
                                       token_bearer("bob", ""));
    struct answer *a = http_do(s, "DELETE", "/push/users/ada/streams",
                               token_root(), NULL);

    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "disconnected"), 2);
    stream_expect_bye(one, "disconnected");
    stream_expect_bye(two, "disconnected");
    a = http_do(s, "DELETE", "/push/users/eve/streams", token_root(), NULL);
    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "disconnected"), 0);
    /* They may come again, and nothing was lost. */
    http_expect(publish_try(s, "user=ada", token_root(), "kept"), 201, NULL);
    one = stream_open(s, "device=a&seq=0", token_bearer("ada", ""));
    expect_message(one, 1, "kept");
    http_expect(publish_try(s, "user=bob", token_root(), "x"), 201, NULL);
    expect_message(other, 1, "x");
}
END_TEST

START_TEST(a_revocation_ends_streams_and_refuses_the_tokens_before_it)
{
    struct server *s = token_server("", "");
    const char *old = token_bearer("ada", "");
    const char *ticket = json_text_at(
        http_do(s, "POST", "/ramen/ticket?device=t", old, "")->json, "ticket");
    struct stream *st = stream_open(s, "device=a&seq=0", old);
    const char *bare = keep_printf(
        "Authorization: Bearer %s\r\n",
        token_sign(
            keep_printf("{\"sub\":\"ada\",\"exp\":%ld}", token_time(200))));
    const char *later;

    http_expect(http_do(s, "POST", "/push/users/ada/revoke", token_root(), ""),
                200, NULL);
    stream_expect_bye(st, "expired-token");
    for (int i = 0; i < 8; i++) {
        http_expect(http_do(s, "GET", "/ramen/receive?device=a", old, NULL),
                    401, "revoked");
        http_expect(http_do(s, "POST", "/ramen/ack?device=a&seq=0", old, ""),
                    401, "revoked");
        http_expect(http_do(s, "POST", "/ramen/ticket", old, ""), 401,
                    "revoked");
    }
    /* One that does not say when it was issued may be as old. */
    http_expect(http_do(s, "GET", "/ramen/receive?device=a", bare, NULL), 401,
                "revoked");
    http_expect(
        http_get(s, keep_printf("/ramen/receive?device=t&ticket=%s", ticket)),
        401, "ticket");
    server_graceful(s);
    http_expect(http_do(s, "GET", "/ramen/receive?device=a", old, NULL), 401,
                "revoked");
    /* A second later there are new ones. */
    wait_until(
        (later = token_bearer("ada", ""))
        && http_do(s, "HEAD", "/ramen/receive?device=a", later, NULL)->status
               == 200);
    http_expect(http_do(s, "POST", "/ramen/ticket", token_bearer("bob", ""),
                        ""),
                200, NULL);
}
END_TEST

START_TEST(the_user_to_be_sent_away_may_have_any_name)
{
    struct server *s = token_server("", "");
    struct stream *st = stream_open(s, "device=a&seq=0",
                                    token_bearer("a/b c", ""));

    http_expect(http_do(s, "DELETE", "/push/streams?user=a%2Fb+c",
                        token_root(), ""),
                200, NULL);
    stream_expect_bye(st, "disconnected");
    http_expect(http_do(s, "DELETE", "/push/streams", token_root(), ""), 400,
                "user");
    http_expect(http_do(s, "POST", "/push/revoke?user=", token_root(), ""),
                400, "user");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scopes");
    TCase *tc = case_add(suite, "scopes", 60);

    tcase_add_row_test(
        tc, a_token_publishes_to_what_it_names_and_to_nobody_else, scopes);
    tcase_add_row_test(tc, the_administration_is_for_tokens_of_administrators,
                       endpoints);
    tcase_add_test(tc, idempotency_keys_of_two_tokens_are_two);
    tcase_add_test(tc, an_administrator_ends_the_streams_of_a_user);
    tcase_add_test(tc,
                   a_revocation_ends_streams_and_refuses_the_tokens_before_it);
    tcase_add_test(tc, the_user_to_be_sent_away_may_have_any_name);
    return case_run(suite);
}
