/*
 * The module as a guest of httpd: methods, versions, pipelining, filters,
 * headers, logs, access control.
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

#define RECEIVE "/ramen/receive?user=ada&device=d1&seq=0"

START_TEST(head_on_receive_gives_the_head_and_opens_no_stream)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_do(s, "HEAD", RECEIVE, NULL, NULL);

    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(http_header(a, "Content-Type"),
                     "text/event-stream; charset=utf-8");
    ck_assert_int_eq(stat_of(s, "streams"), 0);
}
END_TEST

START_TEST(http_1_0_gets_its_stream)
{
    struct server *s = server_start(NULL);
    struct stream *st;
    struct wire *w = wire_open(s, 0);
    const char *text = "GET " RECEIVE " HTTP/1.0\r\n\r\n";

    wire_send(w, text, strlen(text));
    while (strstr(w->bytes, "retry: ") == NULL) {
        ck_assert(wire_receive(w, wait_now() + WAIT_MS));
    }
    ck_assert_ptr_null(strstr(w->bytes, "chunked"));
    publish(s, "user=ada", NULL, "hello");
    while (strstr(w->bytes, "data: hello\n\n") == NULL) {
        ck_assert(wire_receive(w, wait_now() + WAIT_MS));
    }
    st = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    expect_message(st, 1, "hello");
}
END_TEST

START_TEST(what_was_pipelined_before_a_stream_is_answered_before_it)
{
    struct server *s = server_start(NULL);
    struct wire *w = wire_open(s, 0);
    const char *text = "GET /push/stats HTTP/1.1\r\nHost: localhost\r\n\r\n"
                       "GET /push/stats HTTP/1.1\r\nHost: localhost\r\n\r\n"
                       "GET " RECEIVE " HTTP/1.1\r\nHost: localhost\r\n\r\n";

    wire_send(w, text, strlen(text));
    ck_assert_int_eq(http_read(w, false)->status, 200);
    ck_assert_int_eq(http_read(w, false)->status, 200);
    while (strstr(w->bytes, "text/event-stream") == NULL
           || strstr(w->bytes, "retry: ") == NULL) {
        ck_assert_msg(wire_receive(w, wait_now() + WAIT_MS), "%s", w->bytes);
    }
    publish(s, "user=ada", NULL, "hello");
    while (strstr(w->bytes, "data: hello\n\n") == NULL) {
        ck_assert_msg(wire_receive(w, wait_now() + WAIT_MS), "%s", w->bytes);
    }
}
END_TEST

START_TEST(what_is_pipelined_behind_a_stream_changes_nothing)
{
    struct server *s = server_start(NULL);
    struct wire *w = wire_open(s, 0);
    const char *text = "GET " RECEIVE " HTTP/1.1\r\nHost: localhost\r\n\r\n"
                       "POST /push/messages?user=bob HTTP/1.1\r\n"
                       "Host: localhost\r\nContent-Length: 1\r\n\r\nx";

    wire_send(w, text, strlen(text));
    while (strstr(w->bytes, "retry: ") == NULL) {
        ck_assert_msg(wire_receive(w, wait_now() + WAIT_MS), "%s", w->bytes);
    }
    publish(s, "user=ada", NULL, "hello");
    while (strstr(w->bytes, "data: hello\n\n") == NULL && !w->ended) {
        wire_receive(w, wait_now() + WAIT_MS);
    }
    ck_assert_ptr_null(strstr(w->bytes + 1, "HTTP/1.1"));
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

START_TEST(a_body_sent_with_receive_harms_nothing)
{
    struct server *s = server_start(NULL);
    /* The two bytes are the CRLF that ends the head of any request. */
    struct stream *st = stream_try(s, "user=ada&device=d1&seq=0",
                                   "Content-Length: 2\r\n\r\n");

    if (st->status == 200) {
        publish(s, "user=ada", NULL, "x");
        expect_message(st, 1, "x");
    }
    else {
        ck_assert_int_ge(st->status, 400);
        ck_assert_int_lt(st->status, 500);
    }
}
END_TEST

/* Filters that would rewrite or hold back the body of every answer. */
static const char *const filters[] = {
    "SetOutputFilter DEFLATE",
    "AddOutputFilterByType DEFLATE text/event-stream application/json",
    "SetOutputFilter DEFLATE\nSetEnv force-gzip 1",
};

START_TEST(compression_stays_out_of_streams_and_mod_headers_works)
{
    struct server_options o = {0};
    struct server *s;
    struct stream *st;
    const char *accept = "Accept-Encoding: gzip, deflate, br\r\n";

    o.global = keep_printf("<Location \"/\">\n%s\n"
                           "Header always set X-Test \"here\"\n"
                           "Header set X-Body \"too\"\n</Location>",
                           filters[_i]);
    s = server_start(&o);
    st = stream_open(s, "user=ada&device=d1&seq=0", accept);
    ck_assert_ptr_null(stream_header(st, "Content-Encoding"));
    ck_assert_str_eq(stream_header(st, "X-Test"), "here");
    ck_assert_str_eq(stream_header(st, "X-Body"), "too");
    publish(s, "user=ada", NULL, "hello");
    expect_message(st, 1, "hello");
    publish(s, "user=ada", NULL, "again");
    expect_message(st, 2, "again");
}
END_TEST

START_TEST(a_page_that_includes_a_stream_stays_whole_and_opens_none)
{
    struct server_options o = {
        .global = "LoadModule include_module "
                  "/usr/lib/apache2/modules/mod_include.so\n"
                  "<Location \"/page\">\nOptions +Includes\n"
                  "SetOutputFilter INCLUDES\n</Location>\n"};
    struct server *s = server_start(&o);
    struct answer *a;

    server_write(s, "htdocs/page",
                 "before <!--#include virtual=\"" RECEIVE "\" --> after\n");
    a = http_get(s, "/page");
    ck_assert_int_eq(a->status, 200);
    ck_assert_ptr_nonnull(strstr(a->body, "before"));
    ck_assert_msg(strstr(a->body, "after"), "cut off: %s", a->body);
    ck_assert_int_eq(stat_of(s, "devices"), 0);
}
END_TEST

START_TEST(a_stream_leaves_one_line_in_the_access_log_at_its_hand_over)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    const char *log;

    wait_until(strstr(server_file(s, "logs/access"), "/ramen/receive"));
    publish(s, "user=ada", NULL, "x");
    expect_message(st, 1, "x");
    leave(s, st);
    log = strstr(server_file(s, "logs/access"), "GET /ramen/receive");
    ck_assert_ptr_nonnull(
        strstr(server_file(s, "logs/access"), " 200 \"GET /ramen/"));
    ck_assert_ptr_null(strstr(log + 1, "GET /ramen/receive"));
}
END_TEST

/* A method, a target, what it is answered, and what Allow says then. */
static const struct {
    const char *method;
    const char *target;
    int status;
    const char *allow;
} methods[] = {
    {"POST", "/ramen/receive?user=a&device=d&seq=0", 405,
     "GET, HEAD, OPTIONS"},
    {"PUT", "/ramen/receive?user=a&device=d&seq=0", 405, "GET, HEAD, OPTIONS"},
    {"DELETE", "/ramen/ack?user=a&device=d&seq=1", 405, "POST, OPTIONS"},
    {"GET", "/ramen/ack?user=a&device=d&seq=1", 405, "POST, OPTIONS"},
    {"GET", "/ramen/ticket?user=a&device=d", 405, "POST, OPTIONS"},
    {"PUT", "/push/messages?user=a", 405, "POST"},
    {"POST", "/push/messages/0hZk3x9Qa2B", 405, "GET, HEAD, DELETE"},
    {"POST", "/push/stats", 405, "GET, HEAD"},
    {"POST", "/push/health", 405, "GET, HEAD"},
    {"DELETE", "/push/channels", 405, "GET, HEAD"},
    {"POST", "/push/users/a/devices", 405, "GET, HEAD"},
    {"GET", "/push/users/a/streams", 405, "DELETE"},
    {"GET", "/push/users/a/revoke", 405, "POST"},
    {"OPTIONS", "/ramen/receive", 204, "GET, HEAD, OPTIONS"},
    {"OPTIONS", "/ramen/ack", 204, "POST, OPTIONS"},
    {"OPTIONS", "/ramen/ticket", 204, "POST, OPTIONS"},
    {"OPTIONS", "/ramen/none", 404, NULL},
    {"GET", "/ramen/none", 404, NULL},
    {"GET", "/ramen", 404, NULL},
    {"GET", "/ramen/receive/more?user=a&device=d", 404, NULL},
    {"GET", "/push/none", 404, NULL},
    {"GET", "/push/messages/short", 404, NULL},
    {"GET", "/push/messages/0hZk3x9Qa2B/more", 404, NULL},
    {"GET", "/push/users/a", 404, NULL},
    {"GET", "/push/users//devices", 404, NULL},
};

START_TEST(methods_are_told_and_others_are_405_and_unknown_paths_404)
{
    struct server *s = server_start(NULL);
    size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        struct answer *a = http_do(s, methods[i].method, methods[i].target,
                                   NULL, "");

        ck_assert_msg(a->status == methods[i].status, "%s %s: %s",
                      methods[i].method, methods[i].target, a->head);
        http_expect(a, methods[i].status, NULL);
        ck_assert_pstr_eq(http_header(a, "Allow"), methods[i].allow);
    }
}
END_TEST

START_TEST(the_administration_is_closed_without_a_require)
{
    struct server_options o = {.admin = " "};
    struct server *s = server_start(&o);

    http_expect(http_get(s, "/push/stats"), 403, "Require");
    http_expect(publish_try(s, "user=ada", NULL, "x"), 403, "Require");
    http_expect(http_do(s, "DELETE", "/push/messages/0hZk3x9Qa2B", NULL, NULL),
                403, "Require");
}
END_TEST

START_TEST(health_and_stats_tell_what_there_is)
{
    static const char *const names[] = {
        "streams",   "devices",   "users",   "channels",    "messages",
        "published", "delivered", "acked",   "expired",     "replaced",
        "recalled",  "evicted",   "refused", "memory.size", "memory.used"};
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct answer *a = http_get(s, "/push/health");
    json_int_t published, acked, delivered;
    size_t i;

    http_expect(a, 200, NULL);
    ck_assert_str_eq(json_text_at(a->json, "status"), "ok");
    /* The check itself has published, delivered and acknowledged. */
    wait_until(stat_of(s, "streams") == 1);
    published = stat_of(s, "published");
    delivered = stat_of(s, "delivered");
    acked = stat_of(s, "acked");
    publish(s, "user=ada", NULL, "x");
    expect_message(st, 1, "x");
    acknowledge(s, "user=ada&device=d1&seq=1");
    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        ck_assert_int_ge(stat_of(s, names[i]), 0);
    }
    wait_until(stat_of(s, "streams") == 1);
    ck_assert_int_eq(stat_of(s, "published"), published + 1);
    wait_until(stat_of(s, "delivered") == delivered + 1);
    ck_assert_int_eq(stat_of(s, "acked"), acked + 1);
}
END_TEST

/* ---- mod_status ---- */

#define STATUS "/server-status"

static struct server *start_with_status(const char *more)
{
    const char *modules = getenv("PUSH_HTTPD_MODULES");
    struct server_options o = {
        .global = keep_printf(
            "LoadModule status_module %s/mod_status.so\n"
            "<Location \"" STATUS "\">\nSetHandler server-status\n"
            "</Location>\n%s",
            modules != NULL ? modules : "/usr/lib/apache2/modules", more)};

    return server_start(&o);
}

/* The line of ?auto; "" if there is none. */
static const char *status_line(const struct server *s, const char *name)
{
    struct answer *a = http_get(s, STATUS "?auto");
    const char *at = strstr(a->body, keep_printf("\n%s: ", name));

    ck_assert_int_eq(a->status, 200);
    return at == NULL ? "" : keep_copy(at + 1, strcspn(at + 1, "\n"));
}

START_TEST(mod_status_has_our_figures_as_lines)
{
    static const char *const rows[][2] = {{"PushStreams", "streams"},
                                          {"PushDevices", "devices"},
                                          {"PushUsers", "users"},
                                          {"PushChannels", "channels"},
                                          {"PushPublished", "published"},
                                          {"PushDelivered", "delivered"},
                                          {"PushAcked", "acked"},
                                          {"PushRefused", "refused"},
                                          {"PushMemorySize", "memory.size"},
                                          {"PushBlockingStreams",
                                           "blocking_streams"}};
    struct server *s = start_with_status("PushStateDir state\n"
                                         "PushDurability commit\n");
    struct stream *st = stream_open(
        s, "user=ada&device=d1&seq=0&channel=c&channel=e", NULL);
    struct stream *other = stream_open(s, "user=eve&device=d1&seq=0", NULL);

    publish(s, "user=ada", NULL, "x");
    publish(s, "broadcast=1", NULL, "y");
    expect_message(st, 1, "x");
    expect_message(other, 1, "y");
    acknowledge(s, "user=ada&device=d1&seq=1");
    wait_until(stat_of(s, "delivered") == 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ck_assert_str_eq(status_line(s, rows[i][0]),
                         keep_printf("%s: %lld", rows[i][0],
                                     (long long)stat_of(s, rows[i][1])));
    }
    ck_assert_str_eq(status_line(s, "PushStreams"), "PushStreams: 2");
    ck_assert_str_eq(status_line(s, "PushPublished"), "PushPublished: 2");
    ck_assert_str_eq(status_line(s, "PushStatus"), "PushStatus: ok");
    ck_assert_str_eq(status_line(s, "PushDurability"),
                     "PushDurability: commit");
    ck_assert_str_eq(status_line(s, "PushDisk"), "PushDisk: ok");
}
END_TEST

START_TEST(mod_status_has_our_figures_as_a_table_or_without_one)
{
    struct server *s = start_with_status("");
    struct stream *st = stream_open(
        s, "user=%3Cscript%3E&device=d1&seq=0&channel=%3Cb%3E", NULL);
    struct answer *a;

    publish(s, "channel=%3Cb%3E", NULL, "<i>");
    expect_message(st, 1, "<i>");
    a = http_get(s, STATUS);
    ck_assert_int_eq(a->status, 200);
    ck_assert_ptr_nonnull(strstr(a->body, "<h2>mod_push</h2>\n<table>\n"));
    ck_assert_ptr_nonnull(strstr(
        a->body, "<tr><th scope=\"row\">published</th><td>1</td></tr>\n"));
    ck_assert_ptr_nonnull(
        strstr(a->body, "<th scope=\"row\">blocking streams</th><td>0</td>"));
    ck_assert_ptr_null(strstr(a->body, "<script>"));
    ck_assert_ptr_null(strstr(a->body, "disk"));
    a = http_get(s, STATUS "?notable");
    ck_assert_ptr_nonnull(strstr(a->body, "<h2>mod_push</h2>\n<pre>\n"));
    ck_assert_ptr_nonnull(strstr(a->body, "\npublished: 1\n"));
}
END_TEST

START_TEST(every_answer_forbids_caching)
{
    static const char *const targets[] = {"/push/stats",
                                          "/push/health",
                                          "/push/channels",
                                          "/push/none",
                                          "/push/users/ada/devices",
                                          "/ramen/ack?user=a&device=d&seq=0"};
    struct server *s = server_start(NULL);
    size_t i;

    for (i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        const char *value = http_header(http_get(s, targets[i]),
                                        "Cache-Control");

        ck_assert_msg(value != NULL && strstr(value, "no-store") != NULL,
                      "%s: Cache-Control: %s", targets[i], value);
    }
}
END_TEST

START_TEST(no_byte_of_a_path_gets_into_the_headers_of_its_answer)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_do(
        s, "POST", "/push/x%0d%0aX-Forged:%20y/messages?user=ada", NULL, "x");

    ck_assert_ptr_null(http_header(a, "X-Forged"));
    ck_assert_ptr_null(strstr(a->head, "X-Forged: y"));
}
END_TEST

START_TEST(only_allowed_origins_are_named_in_answers)
{
    struct server_options o = {
        .receive = "PushUser query:user\nPushAllowOrigin https://a.example"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1",
                                    "Origin: https://a.example\r\n");

    ck_assert_str_eq(stream_header(st, "Access-Control-Allow-Origin"),
                     "https://a.example");
    st = stream_try(s, "user=ada&device=d2", "Origin: https://b.example\r\n");
    ck_assert_ptr_null(stream_header(st, "Access-Control-Allow-Origin"));
}
END_TEST

START_TEST(a_preflight_is_granted_to_allowed_origins_only)
{
    struct server_options o = {
        .receive = "PushUser query:user\nPushAllowOrigin https://a.example"};
    struct server *s = server_start(&o);
    const char *target = "/ramen/receive?user=ada&device=d1";
    const char *asked = "Access-Control-Request-Method: GET\r\n"
                        "Access-Control-Request-Headers: last-event-id\r\n";
    struct answer *a;

    a = http_do(s, "OPTIONS", target,
                keep_printf("Origin: https://a.example\r\n%s", asked), NULL);
    ck_assert_int_eq(a->status, 204);
    ck_assert_str_eq(http_header(a, "Access-Control-Allow-Origin"),
                     "https://a.example");
    ck_assert_ptr_nonnull(strcasestr(
        http_header(a, "Access-Control-Allow-Headers"), "last-event-id"));
    a = http_do(s, "OPTIONS", target,
                keep_printf("Origin: https://b.example\r\n%s", asked), NULL);
    ck_assert_ptr_null(http_header(a, "Access-Control-Allow-Origin"));
    ck_assert_ptr_null(http_header(a, "Access-Control-Allow-Headers"));
}
END_TEST

/* How PushUser finds the user, a request, and whether it has one. */
static const struct {
    const char *lines;
    const char *query;
    const char *headers;
    bool known;
} identities[] = {
    {"PushUser query:name", "name=ada&device=d1", NULL, true},
    {"PushUser query:name", "user=ada&device=d1", NULL, false},
    {"PushUser query:name", "name=&device=d1", NULL, false},
    {"PushUser auth", "user=ada&device=d1", NULL, false},
    {"", "user=ada&device=d1", NULL, false},
    {"PushUser \"expr=%{HTTP:X-User}\"", "device=d1", "X-User: ada\r\n", true},
    {"PushUser \"expr=%{HTTP:X-User}\"", "device=d1", NULL, false},
    {"PushUser auth\nAuthType Basic\nAuthName x\nAuthUserFile htpasswd\n"
     "Require valid-user",
     "device=d1", "Authorization: Basic YWRhOnB3\r\n", true},
    {"PushUser auth\nAuthType Basic\nAuthName x\nAuthUserFile htpasswd\n"
     "Require valid-user",
     "device=d1", "Authorization: Basic YWRhOng=\r\n", false},
};

START_TEST(the_user_comes_from_where_the_configuration_says_or_nobody_does)
{
    struct server_options o = {.receive = identities[_i].lines};
    struct server *s = server_start(&o);
    struct stream *st;

    /* ada, pw */
    server_write(s, "htpasswd", "ada:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n");
    st = stream_try(s, identities[_i].query, identities[_i].headers);
    if (!identities[_i].known) {
        ck_assert_msg(st->status == 401 || st->status == 403, "%s", st->head);
    }
    else {
        ck_assert_msg(st->status == 200, "%s", st->head);
        publish(s, "user=ada", NULL, "hello");
        expect_message(st, 1, "hello");
    }
}
END_TEST

START_TEST(who_is_unknown_is_told_how_to_authenticate)
{
    struct server_options o = {.receive = "PushUser auth\nAuthType Basic\n"
                                          "AuthName x\n"
                                          "AuthUserFile htpasswd\n"
                                          "Require all granted"};
    struct server *s = server_start(&o);
    struct answer *a = http_get(s, "/ramen/receive?device=d");

    http_expect(a, 401, "no-user");
    ck_assert_pstr_eq(http_header(a, "WWW-Authenticate"), "Basic realm=\"x\"");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *tc = case_add(suite, "requests", 30);

    tcase_add_test(tc, head_on_receive_gives_the_head_and_opens_no_stream);
    tcase_add_test(tc, http_1_0_gets_its_stream);
    tcase_add_test(tc,
                   what_was_pipelined_before_a_stream_is_answered_before_it);
    tcase_add_test(tc, what_is_pipelined_behind_a_stream_changes_nothing);
    tcase_add_test(tc, a_body_sent_with_receive_harms_nothing);
    tcase_add_test(tc,
                   methods_are_told_and_others_are_405_and_unknown_paths_404);
    tc = case_add(suite, "house", 30);
    tcase_add_loop_test(tc,
                        compression_stays_out_of_streams_and_mod_headers_works,
                        0, sizeof(filters) / sizeof(*filters));
    tcase_add_test(tc,
                   a_page_that_includes_a_stream_stays_whole_and_opens_none);
    tcase_add_test(
        tc, a_stream_leaves_one_line_in_the_access_log_at_its_hand_over);
    tcase_add_test(tc, health_and_stats_tell_what_there_is);
    tcase_add_test(tc, mod_status_has_our_figures_as_lines);
    tcase_add_test(tc, mod_status_has_our_figures_as_a_table_or_without_one);
    tcase_add_test(tc, every_answer_forbids_caching);
    tc = case_add(suite, "access", 30);
    tcase_add_test(tc, the_administration_is_closed_without_a_require);
    tcase_add_test(tc, no_byte_of_a_path_gets_into_the_headers_of_its_answer);
    tcase_add_test(tc, a_preflight_is_granted_to_allowed_origins_only);
    tcase_add_test(tc, only_allowed_origins_are_named_in_answers);
    tcase_add_loop_test(
        tc, the_user_comes_from_where_the_configuration_says_or_nobody_does, 0,
        sizeof(identities) / sizeof(*identities));
    tcase_add_test(tc, who_is_unknown_is_told_how_to_authenticate);
    return case_run(suite);
}
