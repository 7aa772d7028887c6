/*
 * Who may do what: publishers and administrators by token, foreign pages and
 * hosts, users who are sent away, limits.
 */

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"

/* Subscribers and publishers with tokens. */
static struct server *token_server(const char *receive, const char *admin)
{
    const char *key = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                                  token_file(TOKEN_SECRET, 0640));
    struct server_options o = {0};

    o.receive = keep_printf("%s%s", key, receive);
    o.admin = keep_printf("%sRequire all granted\n%s", key, admin);
    return server_start(&o);
}

static const char *admin_token(void)
{
    return token_bearer("root", ",\"push_admin\":true,\"push_publish\":\"*\"");
}

/* ---- publishers ---- */

/* A publish claim, an audience, and whether it may be published to. */
static const struct {
    const char *claim;
    const char *query;
    const char *line; /* the same as a member of a line */
    bool allowed;
} scopes[] = {
    {"", "user=ada", "\"user\":\"ada\"", false},
    {"", "channel=c", "\"channel\":\"c\"", false},
    {"", "broadcast=1", "\"broadcast\":true", false},
    {",\"push_publish\":[]", "user=ada", "\"user\":\"ada\"", false},
    {",\"push_publish\":\"user:ada\"", "user=ada", "\"user\":\"ada\"", true},
    {",\"push_publish\":\"user:ada\"", "user=ada&device=d",
     "\"user\":\"ada\",\"device\":\"d\"", true},
    {",\"push_publish\":\"user:ada\"", "user=adam", "\"user\":\"adam\"",
     false},
    {",\"push_publish\":\"user:ada\"", "channel=ada", "\"channel\":\"ada\"",
     false},
    {",\"push_publish\":\"user:a*\"", "user=adam", "\"user\":\"adam\"", true},
    {",\"push_publish\":\"user:*\"", "broadcast=1", "\"broadcast\":true",
     false},
    {",\"push_publish\":[\"channel:a\",\"channel:b*\"]", "channel=bc",
     "\"channel\":\"bc\"", true},
    {",\"push_publish\":[\"channel:a\",\"channel:b*\"]", "channel=ab",
     "\"channel\":\"ab\"", false},
    {",\"push_publish\":\"broadcast\"", "broadcast=1", "\"broadcast\":true",
     true},
    {",\"push_publish\":\"broadcast\"", "user=ada", "\"user\":\"ada\"", false},
    {",\"push_publish\":\"*\"", "broadcast=1", "\"broadcast\":true", true},
    {",\"push_publish\":\"*\"", "user=ada", "\"user\":\"ada\"", true},
    {",\"push_admin\":true", "user=ada", "\"user\":\"ada\"", false},
    {",\"push_channels\":\"*\"", "channel=c", "\"channel\":\"c\"", false},
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
    ck_assert_int_eq(a->status, 200);
    ck_assert_msg((strstr(a->body, "\"status\":403") == NULL)
                      == scopes[_i].allowed,
                  "%s", a->body);
}
END_TEST

/* ---- administrators ---- */

static const struct {
    const char *method;
    const char *path;
} endpoints[] = {
    {"GET", "/push/stats"},
    {"GET", "/push/health"},
    {"GET", "/push/channels"},
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
                403, "administrator");
    http_expect(http_do(s, method, path,
                        token_bearer("ada", ",\"push_admin\":false"), NULL),
                403, "administrator");
    http_expect(http_do(s, method, path,
                        token_bearer("ada", ",\"push_admin\":\"true\""), NULL),
                401, "PushJWTClaim");
    status = http_do(s, method, path, admin_token(), NULL)->status;
    ck_assert_msg(status != 401 && status != 403, "%s: %d", path, status);
}
END_TEST

/* What is configured, and whether anybody is let in. */
static const struct {
    const char *lines;
    bool open;
} requires[] = {
    {"PushDefaultTTL 300", false},
    {"Require local", true},
    {"Require all granted", true},
    {"Require all denied", false},
    {"Require ip 192.0.2.1", false},
    {"<RequireAny>\nRequire local\nRequire ip 192.0.2.1\n</RequireAny>", true},
    {"<Limit POST>\nRequire local\n</Limit>", false},
};

START_TEST(push_admin_is_closed_until_a_require_opens_it)
{
    struct server_options o = {.admin = requires[_i].lines};
    struct server *s = server_start(&o);
    struct answer *a = http_get(s, "/push/stats");

    ck_assert_int_eq(a->status, requires[_i].open ? 200 : 403);
}
END_TEST

/* ---- foreign pages ---- */

#define COOKIE "Cookie: session=1\r\n"

/* Headers of a request that changes something. localhost is the server. */
static const struct {
    const char *headers;
    bool allowed;
} pages[] = {
    {"", true},
    {"Origin: http://localhost\r\n", true},
    {"Origin: https://localhost\r\n", true},
    {"Origin: https://app.example\r\n", true},
    {"Origin: https://app.example.evil.example\r\n", false},
    {"Origin: http://app.example\r\n", false},
    {"Origin: https://APP.example\r\n", false},
    {"Origin: https://app.example:8443\r\n", false},
    {"Origin: https://evil.example\r\n", false},
    {"Origin: null\r\n", false},
    {"Origin: localhost\r\n", false},
    {"Origin: http://localhost:81\r\n", false},
    {"Origin: https://evil.example\r\nPush-Client: x/1\r\n", false},
    {"Sec-Fetch-Site: cross-site\r\n", false},
    {"Sec-Fetch-Site: same-site\r\n", false},
    {"Sec-Fetch-Site: same-origin\r\n", true},
    {"Sec-Fetch-Site: none\r\n", true},
    {"Sec-Fetch-Site: cross-site\r\nOrigin: https://app.example\r\n", true},
    {COOKIE, false},
    {COOKIE "Push-Client: x/1\r\n", true},
    {COOKIE "Authorization: Bearer x\r\n", true},
    {COOKIE "Authorization: Basic YWRhOnB3\r\n", false},
    {COOKIE "Origin: http://localhost\r\n", false},
    {COOKIE "Origin: http://localhost\r\nPush-Client: x/1\r\n", true},
    {COOKIE "Origin: https://evil.example\r\nPush-Client: x/1\r\n", false},
};

/* What changes something, and what it answers where it is allowed. */
static const struct {
    const char *method;
    const char *path;
    int status;
} changes[] = {
    {"POST", "/ramen/ack?user=ada&device=d&seq=0", 404},
    {"GET", "/ramen/ack?user=ada&device=d&seq=0", 404},
    {"POST", "/ramen/ticket?user=ada", 200},
    {"POST", "/push/messages?user=ada", 201},
    {"DELETE", "/push/messages/00000000000", 404},
    {"DELETE", "/push/users/ada/streams", 200},
    {"POST", "/push/users/ada/revoke", 200},
};

START_TEST(no_foreign_page_changes_anything)
{
    struct server_options o = {
        .receive = "PushUser query:user\nPushAllowOrigin https://app.example",
        .admin = "Require local\nPushAllowOrigin https://app.example"};
    struct server *s = server_start(&o);

    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        struct answer *a = http_do(s, changes[_i].method, changes[_i].path,
                                   pages[i].headers, "");
        int expected = pages[i].allowed ? changes[_i].status : 403;

        ck_assert_msg(a->status == expected, "%s: %d, not %d: %s",
                      pages[i].headers, a->status, expected, a->body);
        ck_assert(pages[i].allowed
                  || strstr(json_text_at(a->json, "type"), "forgery"));
    }
}
END_TEST

START_TEST(a_page_reads_across_origins_only_where_its_origin_is_allowed)
{
    static const char *const origins[] = {"https://app.example",
                                          "https://app.example.",
                                          "https://app.example/",
                                          "https://app.example.evil.example",
                                          "http://app.example",
                                          "https://evil.example",
                                          "null",
                                          "*",
                                          "https://app.example:443",
                                          ""};
    struct server_options o = {
        .receive = "PushUser query:user\nPushAllowOrigin https://app.example"};
    struct server *s = server_start(&o);

    for (size_t i = 0; i < sizeof(origins) / sizeof(*origins); i++) {
        struct answer *a = http_do(s, "HEAD", "/ramen/receive?user=ada",
                                   keep_printf("Origin: %s\r\n", origins[i]),
                                   NULL);
        const char *allowed = http_header(a, "Access-Control-Allow-Origin");

        ck_assert_int_eq(a->status, 200);
        ck_assert_msg((allowed != NULL) == (i == 0), "%s", origins[i]);
        ck_assert_ptr_nonnull(strstr(http_header(a, "Vary"), "Origin"));
    }
    /* The administration is read across origins by nobody. */
    ck_assert_ptr_null(
        http_header(http_do(s, "GET", "/push/stats",
                            "Origin: https://app.example\r\n", NULL),
                    "Access-Control-Allow-Origin"));
}
END_TEST

/* ---- hosts ---- */

static const struct {
    const char *host;
    bool allowed;
} hosts[] = {
    {"localhost", true},
    {"LOCALHOST", true},
    {"localhost:8080", true},
    {"localhost.", true},
    {"127.0.0.1", true},
    {"127.0.0.1:80", true},
    {"[::1]", true},
    {"[::1]:80", true},
    {"evil.example", false},
    {"localhost.evil.example", false},
    {"127.0.0.1.evil.example", false},
};

START_TEST(the_administration_answers_to_the_names_of_its_server_only)
{
    struct server *s = server_start(NULL);
    const char *form = "%s /%s HTTP/1.1\r\nHost: %s\r\n"
                       "Connection: close\r\nContent-Length: 0\r\n\r\n";
    static const struct {
        const char *method, *path;
        int status;
    } asked[] = {{"GET", "push/stats", 200},
                 {"POST", "push/messages?user=ada", 201}};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        for (size_t j = 0; j < 2; j++) {
            const char *text;
            struct answer *a;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            text = keep_printf(form, asked[j].method, asked[j].path,
                               hosts[i].host);
#pragma GCC diagnostic pop
            a = http_raw(s, text, strlen(text));
            ck_assert_msg(a->status
                              == (hosts[i].allowed ? asked[j].status : 403),
                          "%s: %s%s", hosts[i].host, a->head, a->body);
            ck_assert(hosts[i].allowed
                      || strstr(json_text_at(a->json, "type"), "wrong-host"));
        }
    }
}
END_TEST

START_TEST(a_server_alias_is_a_name_of_the_server)
{
    struct server_options o = {
        .global = "<VirtualHost *:*>\nServerName push.internal\n"
                  "ServerAlias push.example *.push.example\n"
                  "</VirtualHost>"};
    static const char *const names[] = {"push.example", "a.push.example",
                                        "push.example.evil.example"};
    struct server *s = server_start(&o);

    for (size_t i = 0; i < 3; i++) {
        const char *text = keep_printf("GET /push/stats HTTP/1.1\r\nHost: %s"
                                       "\r\nConnection: close\r\n\r\n",
                                       names[i]);

        ck_assert_int_eq(http_raw(s, text, strlen(text))->status,
                         i < 2 ? 200 : 403);
    }
}
END_TEST

/* ---- headers ---- */

static const struct {
    const char *method;
    const char *target;
    int status;
} answers[] = {
    {"GET", "/push/stats", 200},
    {"GET", "/push/nothing", 404},
    {"PUT", "/push/stats", 405},
    {"POST", "/push/messages?user=ada", 201},
    {"POST", "/push/messages", 400},
    {"HEAD", "/ramen/receive?user=ada", 200},
    {"GET", "/ramen/receive", 401},
    {"GET", "/ramen/receive?user=ada&channel=x", 403},
    {"GET", "/ramen/nothing", 404},
    {"POST", "/ramen/receive", 405},
    {"OPTIONS", "/ramen/receive", 204},
    {"POST", "/ramen/ack?user=ada&device=d&seq=0", 404},
    {"POST", "/ramen/ticket?user=ada", 200},
    {"GET", "/ramen/receive?token=x", 400},
};

START_TEST(every_answer_says_that_it_is_not_to_be_stored_nor_guessed_at)
{
    struct server_options o = {.receive = "PushUser query:user"};
    struct server *s = server_start(&o);
    struct answer *a = http_do(s, answers[_i].method, answers[_i].target, NULL,
                               strcmp(answers[_i].method, "POST") == 0 ? ""
                                                                       : NULL);

    ck_assert_msg(a->status == answers[_i].status, "%s", a->head);
    ck_assert_ptr_nonnull(strstr(http_header(a, "Cache-Control"), "no-store"));
    ck_assert_str_eq(http_header(a, "X-Content-Type-Options"), "nosniff");
}
END_TEST

START_TEST(what_a_request_says_is_in_no_header_of_its_answer)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_do(
        s, "POST", "/push/a%0d%0aSet-Cookie:%20x=1/messages?user=ada", NULL,
        "x");

    ck_assert_ptr_null(http_header(a, "Set-Cookie"));
    ck_assert_int_eq(a->status, 201);
    ck_assert_ptr_null(strpbrk(http_header(a, "Location"), " \t"));
    ck_assert_ptr_nonnull(strstr(http_header(a, "Location"), "%0d%0a"));
}
END_TEST

/* ---- who exists is nobody's business ---- */

START_TEST(a_refusal_is_the_same_for_users_who_exist_and_who_do_not)
{
    struct server *s = token_server("", "");
    struct stream *st = stream_open(s, "device=d&seq=0",
                                    token_bearer("ada", ""));
    static const char *const forms[][2] = {
        {"/push/users/ada/devices", "/push/users/eve/devices"},
        {"/push/messages?user=ada", "/push/messages?user=eve"},
        {"/push/users/ada/revoke", "/push/users/eve/revoke"},
        {"/push/users/ada/streams", "/push/users/eve/streams"},
    };
    const char *headers[] = {NULL, token_bearer("bob", ""),
                             token_bearer("bob",
                                          ",\"push_publish\":\"user:bob\"")};

    for (size_t i = 0; i < 4; i++) {
        const char *method = i == 0 ? "GET" : i == 3 ? "DELETE" : "POST";

        for (size_t j = 0; j < 3; j++) {
            struct answer *a = http_do(s, method, forms[i][0], headers[j], "");
            struct answer *b = http_do(s, method, forms[i][1], headers[j], "");

            ck_assert_int_eq(a->status, b->status);
            ck_assert_int_ge(a->status, 401);
            ck_assert_str_eq(a->body, b->body);
        }
    }
    publish_try(s, "user=ada", admin_token(), "still here");
    expect_message(st, 1, "still here");
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
                               admin_token(), NULL);

    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "disconnected"), 2);
    stream_expect_bye(one, "disconnected");
    stream_expect_bye(two, "disconnected");
    a = http_do(s, "DELETE", "/push/users/eve/streams", admin_token(), NULL);
    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "disconnected"), 0);
    /* They may come again, and nothing was lost. */
    http_expect(publish_try(s, "user=ada", admin_token(), "kept"), 201, NULL);
    one = stream_open(s, "device=a&seq=0", token_bearer("ada", ""));
    expect_message(one, 1, "kept");
    http_expect(publish_try(s, "user=bob", admin_token(), "x"), 201, NULL);
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

    http_expect(http_do(s, "POST", "/push/users/ada/revoke", admin_token(),
                        ""),
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
                        admin_token(), ""),
                200, NULL);
    stream_expect_bye(st, "disconnected");
    http_expect(http_do(s, "DELETE", "/push/streams", admin_token(), ""), 400,
                "user");
    http_expect(http_do(s, "POST", "/push/revoke?user=", admin_token(), ""),
                400, "user");
}
END_TEST

/* ---- limits ---- */

START_TEST(the_streams_of_an_address_are_limited_over_all_children)
{
    struct server_options o = {
        .children = 4,
        .receive = "PushUser query:user\nPushMaxStreamsPerAddress 6"};
    struct server *s = server_start(&o);
    struct stream *streams[6];
    struct stream *st;

    for (int i = 0; i < 6; i++) {
        streams[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                                 NULL);
    }
    for (int i = 0; i < 8; i++) {
        st = stream_try(s, "user=x&device=d&seq=0", "Push-Client: test/1\r\n");
        ck_assert_int_eq(st->status, 429);
        ck_assert_str_eq(stream_header(st, "Retry-After"), "1");
        stream_close(st);
    }
    /* To come again is no second stream. */
    st = stream_open(s, "user=u0&device=d&seq=0", NULL);
    stream_expect_bye(streams[0], "superseded");
    leave(s, st);
    st = stream_open(s, "user=x&device=d&seq=0", NULL);
    kill(holder_of(s, st), SIGKILL);
    server_allow(s, "exit signal Killed");
    server_allow(s, "AH00052");
    /* The dead child's streams count no more. */
    wait_until(stat_of(s, "streams") < 6);
    wait_until(stream_try(s, "user=x&device=d2&seq=0", NULL)->status == 200);
}
END_TEST

START_TEST(a_publisher_above_its_rate_is_told_when_to_go_on)
{
    struct server_options o = {.children = 4,
                               .admin = "Require local\nPushPublisherRate 5"};
    struct server *s = server_start(&o);
    int accepted = 0;
    struct answer *a;
    int64_t begin = wait_now();

    do {
        a = publish_try(s, "user=ada", NULL, "x");
        accepted += a->status == 201;
        ck_assert_str_eq(http_header(a, "RateLimit-Policy"),
                         "\"publisher\";q=5;w=1");
        ck_assert_int_eq(
            strncmp(http_header(a, "RateLimit"), "\"publisher\";r=", 14), 0);
        ck_assert_int_lt(accepted, 1000);
    } while (a->status == 201);
    http_expect(a, 429, "PushPublisherRate");
    ck_assert_str_eq(http_header(a, "Retry-After"), "1");
    ck_assert_str_eq(http_header(a, "RateLimit"), "\"publisher\";r=0;t=1");
    ck_assert_int_ge(accepted, 5);
    ck_assert_int_le(accepted, 6 + 5 * (wait_now() - begin) / 1000);
    wait_until(publish_try(s, "user=ada", NULL, "x")->status == 201);
    ck_assert_int_eq(stat_of(s, "refused"), 0);
}
END_TEST

START_TEST(publishers_are_told_apart_by_token_and_lines_are_limited_too)
{
    struct server *s = token_server("", "PushPublisherRate 3");
    const char *one = token_bearer("one", ",\"push_publish\":\"*\"");
    const char *two = token_bearer("two", ",\"push_publish\":\"*\"");
    char *lines = keep(calloc(1, 4000), free);
    struct answer *a;

    for (int i = 0; i < 40; i++) {
        strcat(lines, "{\"user\":\"ada\",\"text\":\"x\"}\n");
    }
    a = http_do(s, "POST", "/push/messages",
                keep_printf("%sContent-Type: application/x-ndjson\r\n", one),
                lines);
    ck_assert_ptr_nonnull(strstr(a->body, "\"status\":429"));
    ck_assert_ptr_nonnull(strstr(a->body, "\"id\":"));
    http_expect(publish_try(s, "user=ada", two, "x"), 201, NULL);
}
END_TEST

START_TEST(messages_to_one_user_are_limited_whoever_publishes_them)
{
    struct server *s = token_server("", "PushUserRate 4");
    int accepted = 0;
    struct answer *a;

    do {
        const char *who = keep_printf("p%d", accepted);

        a = publish_try(s, "user=ada",
                        token_bearer(who, ",\"push_publish\":\"*\""), "x");
        accepted += a->status == 201;
        ck_assert_int_lt(accepted, 1000);
    } while (a->status == 201);
    http_expect(a, 429, "PushUserRate");
    ck_assert_str_eq(http_header(a, "RateLimit-Policy"), "\"user\";q=4;w=1");
    ck_assert_int_ge(accepted, 4);
    http_expect(publish_try(s, "user=bob", admin_token(), "x"), 201, NULL);
    http_expect(publish_try(s, "channel=c", admin_token(), "x"), 201, NULL);
}
END_TEST

/* A test for each row of its table. */
#define tcase_add_row_test(tc, test, table)                                   \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(*(table))))

int main(void)
{
    Suite *suite = suite_create("security");
    TCase *tc = case_add(suite, "tables", 60);

    tcase_add_row_test(
        tc, a_token_publishes_to_what_it_names_and_to_nobody_else, scopes);
    tcase_add_row_test(tc, the_administration_is_for_tokens_of_administrators,
                       endpoints);
    tcase_add_row_test(tc, push_admin_is_closed_until_a_require_opens_it,
                       requires);
    tcase_add_row_test(tc, no_foreign_page_changes_anything, changes);
    tcase_add_row_test(
        tc, every_answer_says_that_it_is_not_to_be_stored_nor_guessed_at,
        answers);
    tc = case_add(suite, "security", 60);
    tcase_add_test(
        tc, a_page_reads_across_origins_only_where_its_origin_is_allowed);
    tcase_add_test(tc,
                   the_administration_answers_to_the_names_of_its_server_only);
    tcase_add_test(tc, a_server_alias_is_a_name_of_the_server);
    tcase_add_test(tc, what_a_request_says_is_in_no_header_of_its_answer);
    tcase_add_test(tc,
                   a_refusal_is_the_same_for_users_who_exist_and_who_do_not);
    tcase_add_test(tc, an_administrator_ends_the_streams_of_a_user);
    tcase_add_test(tc,
                   a_revocation_ends_streams_and_refuses_the_tokens_before_it);
    tcase_add_test(tc, the_user_to_be_sent_away_may_have_any_name);
    tcase_add_test(tc,
                   the_streams_of_an_address_are_limited_over_all_children);
    tcase_add_test(tc, a_publisher_above_its_rate_is_told_when_to_go_on);
    tcase_add_test(
        tc, publishers_are_told_apart_by_token_and_lines_are_limited_too);
    tcase_add_test(tc,
                   messages_to_one_user_are_limited_whoever_publishes_them);
    return case_run(suite);
}
