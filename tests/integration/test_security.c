/*
 * What nobody may do: foreign pages, foreign hosts, answers that tell who
 * exists, headers from outside.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "stream.h"
#include "token.h"
#include "verbs.h"

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

/* Headers of a request for a stream, and whether it is opened. */
static const struct {
    const char *headers;
    bool allowed;
} openings[] = {
    {"", true},
    {"Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n", true},
    {"Sec-Fetch-Site: same-origin\r\n" COOKIE, true},
    {"Origin: https://evil.example\r\nAuthorization: Bearer x\r\n", true},
    {"Origin: https://evil.example\r\n", false},
    {"Origin: null\r\n" COOKIE, false},
    {"Sec-Fetch-Site: cross-site\r\n" COOKIE, false},
    {"Sec-Fetch-Site: same-site\r\n", false},
};

START_TEST(no_foreign_page_takes_over_a_stream_or_acknowledges_by_opening_one)
{
    struct server_options o = {.receive = "PushUser \"expr=ada\"\n"
                                          "PushAllowOrigin "
                                          "https://app.example"};
    struct server *s = server_start(&o);
    struct stream *own = stream_open(s, "device=own&seq=0", NULL);
    const char *mid = publish(s, "user=ada", NULL, "x");

    expect_message(own, 1, "x");
    for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
        const char *device = openings[i].allowed ? "other" : "own";
        struct stream *st = stream_try(
            s, keep_printf("device=%s&seq=1", device), openings[i].headers);

        ck_assert_msg(st->status == (openings[i].allowed ? 200 : 403),
                      "%s: %s", openings[i].headers, st->head);
        stream_close(st);
    }
    publish(s, "user=ada", NULL, "y");
    expect_message(own, 2, "y");
    ck_assert_int_eq(count_of(s, mid, "acked"), 0);
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
    ck_assert_ptr_null(strstr(a->head, "x=1"));
    ck_assert_int_eq(a->status, 404);
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
    publish_try(s, "user=ada", token_root(), "still here");
    expect_message(st, 1, "still here");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("security");
    TCase *tc = case_add(suite, "security", 60);

    tcase_add_row_test(tc, push_admin_is_closed_until_a_require_opens_it,
                       requires);
    tcase_add_row_test(tc, no_foreign_page_changes_anything, changes);
    tcase_add_test(
        tc,
        no_foreign_page_takes_over_a_stream_or_acknowledges_by_opening_one);
    tcase_add_test(
        tc, a_page_reads_across_origins_only_where_its_origin_is_allowed);
    tcase_add_test(tc,
                   the_administration_answers_to_the_names_of_its_server_only);
    tcase_add_test(tc, a_server_alias_is_a_name_of_the_server);
    tcase_add_row_test(
        tc, every_answer_says_that_it_is_not_to_be_stored_nor_guessed_at,
        answers);
    tcase_add_test(tc, what_a_request_says_is_in_no_header_of_its_answer);
    tcase_add_test(tc,
                   a_refusal_is_the_same_for_users_who_exist_and_who_do_not);
    return case_run(suite);
}
