/*
 * Tickets: identity in a URL, once, for an EventSource.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "case.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"

static struct server *ticket_server(const char *more)
{
    struct server_options o = {0};

    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n%s",
                            token_file(TOKEN_SECRET, 0640), more);
    return server_start(&o);
}

static struct answer *ask_ticket(const struct server *s, const char *query,
                                 const char *headers)
{
    return http_do(s, "POST", keep_printf("/ramen/ticket?%s", query), headers,
                   "");
}

/* A ticket of a token for ada with these further claims. */
static const char *ticket_for(const struct server *s, const char *query,
                              const char *more)
{
    struct answer *a = ask_ticket(s, query, token_bearer("ada", more));

    http_expect(a, 200, NULL);
    return json_text_at(a->json, "ticket");
}

/* The status of an attempt to open a stream. */
static int status_of(const struct server *s, const char *query,
                     const char *ticket)
{
    struct stream *st = stream_try(
        s, keep_printf("%s&ticket=%s", query, ticket), NULL);

    stream_close(st);
    return st->status;
}

START_TEST(a_ticket_opens_one_stream_of_its_user_and_device)
{
    struct server *s = ticket_server("");
    struct answer *a = ask_ticket(s, "device=d", token_bearer("ada", ""));
    const char *ticket = json_text_at(a->json, "ticket");
    struct stream *st;

    ck_assert_int_ge(json_int_at(a->json, "expires_in"), 59);
    ck_assert_int_le(json_int_at(a->json, "expires_in"), 60);
    ck_assert_str_eq(http_header(a, "Cache-Control"), "no-store");
    st = stream_open(s,
                     keep_printf("device=d&heartbeat=event&ticket=%s", ticket),
                     "Accept: text/event-stream\r\n");
    publish(s, "user=ada", NULL, "hello");
    ck_assert_str_eq(stream_next(st)->data, "hello");
    ck_assert_int_eq(status_of(s, "device=d", ticket), 401);
}
END_TEST

START_TEST(of_attempts_on_all_children_one_succeeds)
{
    struct server_options o = {.children = 4};
    struct server *s;
    struct wire *wires[12];
    const char *query;
    int opened = 0;

    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                            token_file(TOKEN_SECRET, 0640));
    s = server_start(&o);
    query = keep_printf("/ramen/receive?device=d&ticket=%s",
                        ticket_for(s, "device=d", ""));
    for (int i = 0; i < 12; i++) {
        struct request q = {.method = "HEAD", .target = query};

        wires[i] = wire_open(s, 0);
        http_send(wires[i], &q);
    }
    for (int i = 0; i < 12; i++) {
        opened += http_read(wires[i], true)->status == 200;
    }
    ck_assert_int_eq(opened, 1);
}
END_TEST

/* What the ticket was asked for, and what it is used for. */
static const struct {
    const char *asked;
    const char *used;
    int status;
} bindings[] = {
    {"device=d", "device=d", 200},
    {"device=d", "device=e", 401},
    {"device=d", "seq=0", 401},
    {"device=d&app=a", "device=d&app=a", 200},
    {"device=d&app=a", "device=d", 401},
    {"device=d", "device=d&app=a", 401},
    {"seq=0", "seq=0", 200},
    {"seq=0", "device=d", 401},
    {"device=d", "device=d&channel=news", 200},
    {"device=d", "device=d&channel=other", 403},
};

START_TEST(a_ticket_is_bound_to_its_device_and_carries_its_channels)
{
    struct server *s = ticket_server("");
    const char *ticket = ticket_for(s, bindings[_i].asked,
                                    ",\"push_channels\":[\"news*\"]");

    ck_assert_int_eq(status_of(s, bindings[_i].used, ticket),
                     bindings[_i].status);
}
END_TEST

START_TEST(what_is_no_ticket_is_refused)
{
    static const char *const tickets[] = {
        "",
        "x",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    struct server *s = ticket_server("");
    char *changed = strdup(ticket_for(s, "device=d", ""));

    for (size_t i = 0; i < sizeof(tickets) / sizeof(*tickets); i++) {
        ck_assert_int_eq(status_of(s, "device=d", tickets[i]), 401);
    }
    changed[20] = changed[20] == 'A' ? 'B' : 'A';
    ck_assert_int_eq(status_of(s, "device=d", changed), 401);
    http_expect(http_get(s, "/ramen/receive?ticket=a&ticket=b"), 400,
                "ticket");
    free(changed);
}
END_TEST

START_TEST(a_ticket_of_another_location_is_refused)
{
    struct server_options o = {0};
    const char *lines = keep_printf("PushEndpoint subscribe\nPushUser jwt\n"
                                    "PushJWTKey %s\n",
                                    token_file(TOKEN_SECRET, 0640));
    struct server *s;
    const char *ticket;

    o.global = keep_printf("<Location \"/other\">\n%s</Location>", lines);
    o.receive = lines;
    s = server_start(&o);
    ticket = ticket_for(s, "device=d", "");
    http_expect(
        http_get(s, keep_printf("/other/receive?device=d&ticket=%s", ticket)),
        401, "ticket");
    ck_assert_int_eq(status_of(s, "device=d", ticket), 200);
}
END_TEST

/* The addresses of a virtual host of the main server's name. */
static const char *const addresses[] = {"127.0.0.1", "*", "_default_"};

START_TEST(a_ticket_of_another_virtual_host_of_the_same_name_is_refused)
{
    struct server_options o = {0};
    int port = server_free_port();
    struct server *s, other;
    const char *ticket;

    o.global = keep_printf("Listen 127.0.0.1:%d\n<VirtualHost %s:%d>\n"
                           "ServerName localhost\n</VirtualHost>",
                           port, addresses[_i], port);
    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                            token_file(TOKEN_SECRET, 0640));
    s = server_start(&o);
    other = *s;
    other.port = port;
    ticket = ticket_for(&other, "device=d", "");
    ck_assert_int_eq(status_of(s, "device=d", ticket), 401);
    server_graceful(s);
    ck_assert_int_eq(status_of(&other, "device=d", ticket), 200);
    ticket = ticket_for(s, "device=d", "");
    ck_assert_int_eq(status_of(&other, "device=d", ticket), 401);
    ck_assert_int_eq(status_of(s, "device=d", ticket), 200);
}
END_TEST

/* Neither of them is the main server. */
START_TEST(a_ticket_of_one_of_two_virtual_hosts_is_refused_by_the_other)
{
    static const char lines[] = "Listen 127.0.0.1:%d\n<VirtualHost *:%d>\n"
                                "ServerName localhost\n</VirtualHost>\n";
    struct server_options o = {0};
    int a = server_free_port(), b = server_free_port();
    struct server *s, one, two;

    o.global = keep_printf("%s%s", keep_printf(lines, a, a),
                           keep_printf(lines, b, b));
    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                            token_file(TOKEN_SECRET, 0640));
    s = server_start(&o);
    one = two = *s;
    one.port = a;
    two.port = b;
    ck_assert_int_eq(
        status_of(&two, "device=d", ticket_for(&one, "device=d", "")), 401);
    ck_assert_int_eq(
        status_of(&two, "device=d", ticket_for(&two, "device=d", "")), 200);
}
END_TEST

START_TEST(a_ticket_opens_streams_and_nothing_else)
{
    struct server *s = ticket_server("");
    const char *query = keep_printf("device=d&seq=0&ticket=%s",
                                    ticket_for(s, "device=d", ""));

    http_expect(acknowledge_try(s, query), 401, "Bearer");
    http_expect(http_get(s, keep_printf("/ramen/ack?%s", query)), 405, NULL);
    wait_until(strstr(server_file(s, "logs/access"), "GET /ramen/ack?-"));
    http_expect(ask_ticket(s, query, NULL), 401, "Bearer");
}
END_TEST

START_TEST(only_who_is_known_gets_a_ticket_and_no_foreign_page)
{
    struct server *s = ticket_server("PushJWTCookie __Host-push\n"
                                     "PushAllowOrigin https://app.example");
    const char *cookie = keep_printf("Cookie: __Host-push=%s\r\n",
                                     token_sign(token_claims("ada", "")));
    const struct {
        const char *headers;
        int status;
    } rows[] = {
        {NULL, 401},
        {"Authorization: Bearer x\r\n", 401},
        {token_bearer("ada", ""), 200},
        {cookie, 403},
        {keep_printf("%sPush-Client: x/1\r\n", cookie), 200},
        {keep_printf("%sPush-Client: x/1\r\nOrigin: https://app.example\r\n",
                     cookie),
         200},
        {keep_printf("%sPush-Client: x/1\r\nOrigin: https://evil.example\r\n",
                     cookie),
         403},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        http_expect(ask_ticket(s, "device=d", rows[i].headers), rows[i].status,
                    NULL);
    }
    http_expect(http_get(s, "/ramen/ticket"), 405, "POST");
    http_expect(ask_ticket(s, "device=a/b", token_bearer("ada", "")), 400,
                "device");
    http_expect(ask_ticket(s, "device=d&app=", token_bearer("ada", "")), 400,
                "app");
}
END_TEST

START_TEST(a_stream_by_ticket_ends_with_the_token_that_the_ticket_is_of)
{
    struct server *s = ticket_server("PushJWTLeeway 0");
    const char *claims = keep_printf("{\"sub\":\"ada\",\"exp\":%ld}",
                                     token_time(6));
    struct answer *a = ask_ticket(s, "device=d",
                                  keep_printf("Authorization: Bearer %s\r\n",
                                              token_sign(claims)));
    struct stream *st;

    ck_assert_int_le(json_int_at(a->json, "expires_in"), 6);
    st = stream_open(
        s, keep_printf("device=d&ticket=%s", json_text_at(a->json, "ticket")),
        NULL);
    stream_expect_bye(st, "expired-token");
}
END_TEST

START_TEST(a_ticket_outlives_a_graceful_restart_and_is_in_no_log)
{
    struct server *s = ticket_server("");
    const char *ticket = ticket_for(s, "device=d", "");

    server_graceful(s);
    ck_assert_int_eq(status_of(s, "device=d", ticket), 200);
    ck_assert_int_eq(status_of(s, "device=d", ticket), 401);
    wait_until(strstr(server_file(s, "logs/access"), "/ramen/receive?-"));
    ck_assert_ptr_null(strstr(server_file(s, "logs/access"), ticket));
    ck_assert_ptr_null(strstr(server_file(s, "logs/error"), ticket));
}
END_TEST

/* How a request gets to the Location by way of another path, or from there to
 * another. */
static const struct {
    const char *lines; /* server level */
    const char *target;
    bool page;  /* the answer is a page, with ours in it */
    int status; /* of the answer, where it is not what the secret leads to */
} detours[] = {
    {"LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so\n"
     "<Location \"/old\">\nRewriteEngine On\n"
     "RewriteRule ^ /ramen/receive\n</Location>",
     "/old", false, 0},
    /* Twice. */
    {"LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so\n"
     "<Location \"/old\">\nRewriteEngine On\n"
     "RewriteRule ^ /newer\n</Location>\n"
     "<Location \"/newer\">\nRewriteEngine On\n"
     "RewriteRule ^ /ramen/receive\n</Location>",
     "/old", false, 0},
    {"LoadModule include_module /usr/lib/apache2/modules/mod_include.so\n"
     "<Location \"/page\">\nSetOutputFilter INCLUDES\n"
     "Options +Includes\n</Location>",
     "/page", true, 200},
    {"<Location \"/old\">\nFallbackResource /ramen/receive\n</Location>",
     "/old", false, 0},
    /* The error document of another request: it gets no query. */
    {"ErrorDocument 404 /ramen/receive", "/old", false, 401},
    /* Refused before ours is asked, with an error document and without. */
    {"ErrorDocument 403 /sorry\n"
     "<Location \"/ramen/receive\">\nRequire all denied\n</Location>",
     "/ramen/receive", false, 403},
    {"<Location \"/ramen/receive\">\nRequire all denied\n</Location>",
     "/ramen/receive", false, 403},
    {"ErrorDocument 404 /ramen/ack", "/ramen/recieve", false, 404},
};

/* Of every format that shows a query, for the first request and the last. */
static const char all_queries[] =
    "LogFormat \"%r %<r %>r %q %<q %>q %m\" all\nCustomLog logs/all all\n";

/* What stands before the ticket in the query, and the answer. */
static const struct {
    const char *query;
    int status;
} secrets[] = {
    {"device=d&ticket=", 200},
    {"device=d&access_token=", 400},
    {"device=%ZZ&ticket=", 400},
};

static int lines_of(const char *text)
{
    int lines = 0;

    for (; *text; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void expect_hidden(const struct server *s, const char *secret)
{
    ck_assert_msg(!strstr(server_file(s, "logs/all"), secret), "%s",
                  server_file(s, "logs/all"));
    ck_assert_ptr_null(strstr(server_file(s, "logs/access"), secret));
    ck_assert_ptr_null(strstr(server_file(s, "logs/error"), secret));
}

START_TEST(a_ticket_is_in_no_log_whatever_way_its_request_went)
{
    struct server_options o = {
        .global = keep_printf("%s\n%s", detours[_i].lines, all_queries),
        .receive = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                               token_file(TOKEN_SECRET, 0640))};
    struct server *s = server_start(&o);

    /* FallbackResource leads to files only. */
    ck_assert_int_eq(mkdir(keep_printf("%s/htdocs/ramen", s->root), 0755), 0);
    server_write(s, "htdocs/ramen/receive", "");
    server_write(s, "htdocs/page",
                 "<!--#include virtual=\"/ramen/receive?$QUERY_STRING\" -->");
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
        const char *ticket = ticket_for(s, "device=d", "");
        int logged = lines_of(server_file(s, "logs/all"));
        struct request q = {.method = detours[_i].page ? "GET" : "HEAD",
                            .target = keep_printf("%s?%s%s",
                                                  detours[_i].target,
                                                  secrets[i].query, ticket)};

        ck_assert_int_eq(http_ask(s, &q)->status, detours[_i].status
                                                      ? detours[_i].status
                                                      : secrets[i].status);
        wait_until(lines_of(server_file(s, "logs/all")) > logged);
        expect_hidden(s, ticket);
    }
}
END_TEST

START_TEST(a_user_whom_httpd_authenticated_gets_a_ticket_too)
{
    static const char basic[] = "Authorization: Basic YWRhOnB3\r\n";
    struct server_options o = {
        .receive = "AuthType Basic\nAuthName push\nAuthUserFile htpasswd\n"
                   "<RequireAny>\nRequire valid-user\n"
                   "Require expr %{QUERY_STRING} =~ /(^|&)ticket=/\n"
                   "</RequireAny>"};
    struct server *s = server_start(&o);
    const char *ticket;
    struct answer *a;

    /* ada, pw */
    server_write(s, "htpasswd", "ada:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n");
    ck_assert_int_eq(ask_ticket(s, "device=d", NULL)->status, 401);
    a = ask_ticket(s, "device=d", basic);
    http_expect(a, 200, NULL);
    ticket = json_text_at(a->json, "ticket");
    ck_assert_int_eq(status_of(s, "device=d", "x"), 401);
    ck_assert_int_eq(status_of(s, "device=d", ticket), 200);
    ck_assert_int_eq(status_of(s, "device=d", ticket), 401);
}
END_TEST

START_TEST(more_channels_than_a_ticket_holds_are_told)
{
    struct server *s = ticket_server("");
    char *list = keep(calloc(1, 8000), free);

    strcpy(list, ",\"push_channels\":[\"a\"");
    for (int i = 0; i < 200; i++) {
        strcat(list, ",\"a.channel.of.some.length\"");
    }
    strcat(list, "]");
    http_expect(ask_ticket(s, "device=d", token_bearer("ada", list)), 413,
                "channels");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ticket");
    TCase *tc = case_add(suite, "ticket", 60);

    tcase_add_test(tc, a_ticket_opens_one_stream_of_its_user_and_device);
    tcase_add_test(tc, of_attempts_on_all_children_one_succeeds);
    tcase_add_row_test(
        tc, a_ticket_is_bound_to_its_device_and_carries_its_channels,
        bindings);
    tcase_add_test(tc, what_is_no_ticket_is_refused);
    tcase_add_test(tc, a_ticket_of_another_location_is_refused);
    tcase_add_row_test(
        tc, a_ticket_of_another_virtual_host_of_the_same_name_is_refused,
        addresses);
    tcase_add_test(
        tc, a_ticket_of_one_of_two_virtual_hosts_is_refused_by_the_other);
    tcase_add_test(tc, a_ticket_opens_streams_and_nothing_else);
    tcase_add_test(tc, only_who_is_known_gets_a_ticket_and_no_foreign_page);
    tcase_add_test(
        tc, a_stream_by_ticket_ends_with_the_token_that_the_ticket_is_of);
    tcase_add_test(tc, a_ticket_outlives_a_graceful_restart_and_is_in_no_log);
    tcase_add_row_test(tc, a_ticket_is_in_no_log_whatever_way_its_request_went,
                       detours);
    tcase_add_test(tc, a_user_whom_httpd_authenticated_gets_a_ticket_too);
    tcase_add_test(tc, more_channels_than_a_ticket_holds_are_told);
    return case_run(suite);
}
