/*
 * What applications say in their answers becomes messages, and their clients
 * get the answers as they were (PushCapture).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps.h"
#include "case.h"
#include "h2.h"
#include "keep.h"
#include "shell.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"
#include "wire.h"

#define PUSH(text) "Push: {\"user\":\"ada\",\"text\":\"" text "\"}\n"

#define ALLOW                                                                 \
    "PushCaptureAllow user:ada channel:city.* broadcast\n"                    \
    "PushCaptureOnce off\n"

static struct stream *follow(const struct server *s)
{
    return stream_open(s, "user=ada&device=d&seq=0&channel=city.rome", NULL);
}

/* ---- every application, every form ---- */

/* An answer, and what comes of it. */
struct row {
    const char *name;
    const char *answer;
    int status;
    const char *messages[3]; /* for ada, in this order */
    const char *result;      /* "published", or why they are not */
    int count;               /* how many came to that */
};

static const struct row rows[] = {
    {"head",
     "200\nSet-Cookie: a=b\nContent-Type: text/plain\n" PUSH("one") PUSH(
         "two") "Push: {\"channel\":\"city.rome\",\"data\":{\"a\":\"}, {\"}}\n"
                "\nhello",
     200,
     {"one", "two", "{\"a\":\"}, {\"}"},
     "published",
     3},
    {"redirect",
     "303\nLocation: http://other.example/\n" PUSH("see") "\n",
     303,
     {"see"},
     "published",
     1},
    {"nothing", "204\n" PUSH("done") "\n", 204, {"done"}, "published", 1},
    {"error", "500\n" PUSH("bad") "\nouch", 500, {NULL}, "status", 1},
    {"part",
     "206\nContent-Range: bytes 0-1/9\n" PUSH("part") "\nab",
     206,
     {NULL},
     "status",
     1},
    {"same",
     "304\nETag: \"x\"\n" PUSH("same") "Push-User: ada\n\n",
     304,
     {NULL},
     "status",
     2},
    {"body",
     "200\nPush-User: ada\nTopic: t\nTTL: 60\nUrgency: high\nPush-Event: e\n"
     "Content-Type: text/plain\n\nthe body",
     200,
     {"the body"},
     "published",
     1},
    {"both",
     "201\nPush-Channel: city.rome\nContent-Type: text/plain\n" PUSH(
         "first") "\nthen",
     201,
     {"first", "then"},
     "published",
     2},
    {"bodyerror", "404\nPush-User: ada\n\nnone", 404, {NULL}, "status", 1},
    {"foreign", "200\nTopic: mine\nTTL: 7\n\nx", 200, {NULL}, "published", 0},
    {"stranger",
     "200\nPush: {\"user\":\"eve\",\"text\":\"x\"}\n" PUSH("own") "\nx",
     200,
     {"own"},
     "forbidden",
     1},
    {"stolen", "200\nPush-User: eve\n\nx", 200, {NULL}, "forbidden", 1},
    {"reserved",
     "200\nPush: {\"user\":\"$trigger/a\",\"text\":\"x\"}\n\nx",
     200,
     {NULL},
     "failed",
     1},
    {"nonsense", "200\nPush: nonsense\n\nx", 200, {NULL}, "failed", 1},
    {"badhead",
     "200\nPush-User: ada\nUrgency: soon\n\nx",
     200,
     {NULL},
     "failed",
     1},
    {"large",
     "200\nPush-User: ada\n\n"
     "0123456789012345678901234567890123456789012345678901234567890123456789",
     200,
     {NULL},
     "too_large",
     1}};

/* Nobody but the server has seen a header for it, and the rest is there. */
static void expect_clean(const struct answer *a, const struct row *row)
{
    const char *body = strstr(row->answer, "\n\n") + 2;

    ck_assert_int_eq(a->status, row->status);
    ck_assert_msg(strcmp(a->body, body) == 0, "%s: %s", row->name, a->body);
    ck_assert_msg(strcasestr(a->head, "\npush") == NULL, "%s", a->head);
    if (strstr(row->answer, "Set-Cookie")) {
        ck_assert_str_eq(http_header(a, "Set-Cookie"), "a=b");
    }
    if (strcmp(row->name, "foreign") == 0) {
        ck_assert_str_eq(http_header(a, "Topic"), "mine");
        ck_assert_str_eq(http_header(a, "TTL"), "7");
    }
    else {
        ck_assert_ptr_null(http_header(a, "Topic"));
        ck_assert_ptr_null(http_header(a, "TTL"));
    }
}

/* All rows of one application; the stream has had so many messages. */
static int go_through(const struct server *s, enum app app, struct stream *st,
                      int seq)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row *row = &rows[i];
        int before = apps_captures(s, row->result);

        apps_write(s, row->name, row->answer);
        expect_clean(apps_get(s, app, row->name), row);
        ck_assert_msg(apps_captures(s, row->result) == before + row->count,
                      "%s of application %d: %d %s", row->name, app,
                      apps_captures(s, row->result) - before, row->result);
        for (int m = 0; m < 3 && row->messages[m]; m++) {
            seq++;
            expect_message(st, seq, row->messages[m]);
        }
    }
    return seq;
}

START_TEST(what_an_application_says_is_published_and_nobody_else_hears_it)
{
    static const char lines[] = "PushMaxMessageSize 64\n"
                                "PushCapture tee\n" ALLOW;
    struct server *s = apps_start(lines);
    struct stream *st = follow(s);
    int seq = 0;

    server_allow(s, "PUSH0311");
    seq = go_through(s, APP_NODE, st, seq);
    seq = go_through(s, APP_FPM, st, seq);
    seq = go_through(s, APP_CGI, st, seq);
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, seq + 1, "the last");
}
END_TEST

START_TEST(php_within_httpd_is_no_exception)
{
    static const char lines[] =
        "PushMaxMessageSize 64\nPushCapture tee\n" ALLOW;
    struct server *s = apps_start_mod_php(lines);
    struct stream *st = follow(s);
    int seq;

    server_allow(s, "PUSH0311");
    seq = go_through(s, APP_MOD_PHP, st, 0);
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, seq + 1, "the last");
}
END_TEST

/* ---- answers that end early, and clients that do ---- */

static const enum app apps[] = {APP_NODE, APP_FPM, APP_CGI};

static const char half[] = "200\nContent-Length: 30\n" PUSH(
    "half") "Push-User: ada\n!cut: 5\n\n012345678901234567890123456789";

START_TEST(what_is_not_whole_is_not_published)
{
    struct server *s = apps_start("PushCapture tee\n" ALLOW);
    struct stream *st = follow(s);

    apps_write(s, "cut", half);
    for (size_t i = 0; i < sizeof(apps) / sizeof(*apps); i++) {
        struct wire *w = apps_ask(s, apps[i], "cut");

        wait_until(apps_captures(s, "truncated") == 2 * ((int)i + 1));
        wire_close(w);
    }
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, 1, "the last");
}
END_TEST

static const char parts[] =
    "200\nPush-User: ada\nContent-Type: text/plain\n!parts: 4\n"
    "!gate: 1\n\naaaabbbbccccdddd";

/* The client has the first part while the last one is not made. */
static void passes_as_it_comes(const struct server *s, enum app app,
                               struct stream *st, int seq)
{
    int before = apps_captures(s, "published");
    struct wire *w = apps_ask(s, app, "parts");

    apps_await(w, "aaaa");
    ck_assert_int_eq(apps_captures(s, "published"), before);
    apps_write(s, "gate", "");
    apps_await(w, "dddd");
    expect_message(st, seq, "aaaabbbbccccdddd");
    wire_close(w);
    unlink(keep_printf("%s/htdocs/answers/gate", s->root));
}

START_TEST(an_answer_passes_as_it_comes)
{
    struct server *s = apps_start("PushCapture tee\n" ALLOW);
    struct stream *st = follow(s);

    apps_write(s, "parts", parts);
    for (size_t i = 0; i < sizeof(apps) / sizeof(*apps); i++) {
        passes_as_it_comes(s, apps[i], st, (int)i + 1);
    }
}
END_TEST

/* What is killed there is a child of httpd, in the middle of an answer. */
START_TEST(php_within_httpd_passes_as_it_comes_and_publishes_no_half)
{
    struct server *s = apps_start_mod_php("PushCapture tee\n" ALLOW);
    struct stream *st;
    struct wire *w;

    server_allow(s, "exit signal Killed");
    apps_write(s, "parts", parts);
    passes_as_it_comes(s, APP_MOD_PHP, follow(s), 1);
    apps_write(s, "gate", "");
    ck_assert_str_eq(apps_get(s, APP_MOD_PHP, "parts")->body,
                     "aaaabbbbccccdddd");
    apps_write(s, "cut", half);
    w = apps_ask(s, APP_MOD_PHP, "cut");
    apps_await(w, "01234");
    while (wire_receive(w, wait_now() + WAIT_MS)) {
    }
    ck_assert_msg(w->ended && strstr(w->bytes, "012345") == NULL, "%s",
                  w->bytes);
    publish(s, "user=ada", NULL, "the last");
    /* All that there is, to a device that comes late. */
    st = stream_open(s, "user=ada&device=late&seq=0", NULL);
    expect_message(st, 1, "aaaabbbbccccdddd");
    expect_message(st, 2, "aaaabbbbccccdddd");
    expect_message(st, 3, "the last");
}
END_TEST

START_TEST(what_the_head_says_has_happened_though_the_client_has_left)
{
    static const char answer[] =
        "200\n" PUSH("done") "!parts: 6\n"
                             "\naaaabbbbccccddddeeeeffff";
    struct server *s = apps_start("PushCapture tee\n" ALLOW);
    struct stream *st = follow(s);

    apps_write(s, "left", answer);
    for (size_t i = 0; i < sizeof(apps) / sizeof(*apps); i++) {
        struct wire *w = apps_ask(s, apps[i], "left");

        apps_await(w, "aaaa");
        wire_close(w);
        expect_message(st, (int)i + 1, "done");
    }
}
END_TEST

/* ---- consume ---- */

static const struct {
    const char *answer;
    int status;
    const char *says;
    const char *message;
} consumed[] = {
    {"200\nPush-User: ada\nTTL: 60\nETag: \"x\"\n\nbody", 201,
     "\"recipients\":1", "body"},
    {"200\nPush-User: ada\n" PUSH("first") "\nsecond", 201,
     "\"id\":", "first"},
    {"200\nPush-User: eve\n\nbody", 403, "PushCaptureAllow", NULL},
    {"200\nPush-User: ada\nUrgency: soon\n\nbody", 400, "Urgency", NULL},
    {"200\nPush-User: ada\nContent-Length: 30\n!cut: 5\n\n0123456789", 502,
     "bad-answer", NULL},
    {"200\nPush-User: ada\n\n0123456789012345678901234567890123456789", 413,
     "PushMaxMessageSize", NULL},
    {"200\nTopic: x\n\nuntouched", 200, "untouched", NULL},
    {"500\nPush-User: ada\n\nouch", 500, "ouch", NULL},
};

START_TEST(the_receipt_takes_the_place_of_a_body_that_is_consumed)
{
    static const char lines[] = "PushMaxMessageSize 32\n"
                                "PushCapture consume\n" ALLOW;
    struct server *s = apps_start(lines);
    struct stream *st = follow(s);
    int seq = 0;

    server_allow(s, "PUSH0311");
    for (size_t i = 0; i < sizeof(consumed) / sizeof(*consumed); i++) {
        struct answer *a;

        apps_write(s, "consumed", consumed[i].answer);
        a = apps_get(s, APP_NODE, "consumed");
        ck_assert_msg(a->status == consumed[i].status
                          && strstr(a->body, consumed[i].says),
                      "%s: %s%s", consumed[i].answer, a->head, a->body);
        ck_assert_ptr_null(http_header(a, "ETag"));
        if (consumed[i].message) {
            seq++;
            expect_message(st, seq, consumed[i].message);
        }
        if (i == 1) {
            seq++;
            expect_message(st, seq, "second");
        }
    }
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, seq + 1, "the last");
}
END_TEST

/* ---- the same again ---- */

/* Who asks, what the application says, and what comes of it. */
static const struct {
    const char *method;
    const char *body;
    const char *result;
} again[] = {{"GET", "one", "published"},  {"GET", "one", "unchanged"},
             {"GET", "one", "unchanged"},  {"GET", "two", "published"},
             {"POST", "two", "published"}, {"POST", "two", "published"},
             {"GET", "one", "published"},  {"GET", "one", "unchanged"}};

START_TEST(a_page_that_many_read_is_one_message_for_each_change)
{
    struct server *s = apps_start("PushCapture tee\n"
                                  "PushCaptureAllow user:ada\n"
                                  "<Location /fpm/>\nPushCapture consume\n"
                                  "</Location>\n");
    struct stream *st = follow(s);
    int seq = 0;

    for (size_t i = 0; i < sizeof(again) / sizeof(*again); i++) {
        int before = apps_captures(s, again[i].result);
        struct request q = {.method = again[i].method,
                            .target = apps_path(APP_NODE, "page"),
                            .body = "",
                            .length = 0};

        apps_write(s, "page",
                   keep_printf("200\nPush-User: ada\nTopic: t\n\n%s",
                               again[i].body));
        ck_assert_str_eq(http_ask(s, &q)->body, again[i].body);
        ck_assert_int_eq(apps_captures(s, again[i].result), before + 1);
        if (strcmp(again[i].result, "published") == 0) {
            seq++;
            expect_message(st, seq, again[i].body);
        }
    }
    /* Another audience, or another Topic, is another page. */
    apps_write(s, "page", "200\nPush-User: ada\nTopic: u\n\none");
    ck_assert_int_eq(apps_get(s, APP_FPM, "page")->status, 201);
    ck_assert_int_eq(apps_get(s, APP_FPM, "page")->status, 204);
    expect_message(st, seq + 1, "one");
    /* What was refused is no last one. */
    server_allow(s, "PUSH0311");
    apps_write(s, "page", "200\nPush-User: eve\n\none");
    ck_assert_int_eq(apps_get(s, APP_FPM, "page")->status, 403);
    ck_assert_int_eq(apps_get(s, APP_FPM, "page")->status, 403);
}
END_TEST

/* ---- in company ---- */

/* One application under several names, each with settings of its own. */
static struct server *start_company(void)
{
    struct server *s = apps_start(
        "LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so\n"
        "Protocols h2c http/1.1\n"
        "ErrorDocument 404 /off/page.html\n"
        "<Location /node/>\nPushCapture tee\n"
        "RequestHeader set Push-Told yes\n" ALLOW "</Location>\n"
        "<Location /fpm/>\nPushCapture tee\n" ALLOW
        "ProxyErrorOverride On\n</Location>\n"
        "<Location /cgi/>\nPushCapture headers\n</Location>\n"
        "<Location /pages/>\nPushCapture tee\n" ALLOW
        "Options +Includes\nSetOutputFilter INCLUDES;DEFLATE\n"
        "ProxyPass !\n</Location>\n");

    server_allow(s, "PUSH0311");
    server_allow(s, "PUSH0050");
    return s;
}

START_TEST(no_client_speaks_in_the_place_of_this_module)
{
    struct server *s = start_company();
    struct request q = {.target = "/node/mirror",
                        .headers = "Push-User: eve\r\nPUSH-EVENT: x\r\n"
                                   "Push-User: ada\r\nGrip-Sig: x\r\n"
                                   "Push: {}\r\nPush-Client: page\r\n"
                                   "X-Other: y\r\n"};
    const char *seen = http_ask(s, &q)->body;

    ck_assert_msg(!strstr(seen, "push-user") && !strstr(seen, "push-event")
                      && !strstr(seen, "grip-sig") && !strstr(seen, "\"push\"")
                      && strstr(seen, "\"push-client\":\"page\"")
                      && strstr(seen, "\"push-told\":\"yes\"")
                      && strstr(seen, "\"x-other\":\"y\""),
                  "%s", seen);
}
END_TEST

START_TEST(only_what_is_configured_happens)
{
    struct server *s = start_company();
    struct stream *st = follow(s);
    struct answer *a;

    /* Nobody may be addressed from /cgi/. */
    apps_write(s, "plain", "200\n" PUSH("x") "Push-User: ada\n\nx");
    a = apps_get(s, APP_CGI, "plain");
    ck_assert_ptr_null(strcasestr(a->head, "\npush"));
    ck_assert_int_eq(apps_captures(s, "forbidden"), 1);
    /* Nor from HEAD. */
    a = http_do(s, "HEAD", "/node/plain", NULL, NULL);
    ck_assert_ptr_null(strcasestr(a->head, "\npush"));
    ck_assert_int_eq(apps_captures(s, "status"), 2);
    /* httpd's own page says nothing of what the application said. */
    apps_write(s, "lost", "404\n" PUSH("x") "\nx");
    a = apps_get(s, APP_FPM, "lost");
    ck_assert_int_eq(a->status, 404);
    ck_assert_ptr_null(strcasestr(a->head, "\npush"));
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, 1, "the last");
}
END_TEST

START_TEST(compressed_and_included_and_over_http2_it_is_the_same)
{
    struct server *s = start_company();
    struct stream *st = follow(s);
    struct request q = {.target = "/pages/page.shtml",
                        .headers = "Accept-Encoding: gzip\r\n"};
    struct answer *a;

    apps_write(s, "zip", "200\nPush-User: ada\n!gzip: 1\n\nplain");
    a = apps_get(s, APP_NODE, "zip");
    ck_assert_str_eq(http_header(a, "Content-Encoding"), "gzip");
    expect_message(st, 1, "plain");
    apps_write(s, "flate", "200\nPush-User: ada\n!deflate: 1\n\nplain too");
    apps_get(s, APP_NODE, "flate");
    expect_message(st, 2, "plain too");
    apps_write(s, "nozip", "200\nPush-User: ada\nContent-Encoding: gzip\n\nx");
    apps_get(s, APP_NODE, "nozip");
    ck_assert_int_eq(apps_captures(s, "encoded"), 1);
    /* A page with two of them, which httpd compresses. */
    apps_write(s, "some",
               "200\nContent-Type: text/plain\n" PUSH("some") "\nx");
    shell_run(keep_printf("mkdir -p %s/htdocs/pages", s->root));
    server_write(s, "htdocs/pages/page.shtml",
                 "<!--#include virtual=\"/node/some\" -->"
                 "<!--#include virtual=\"/node/some\" -->");
    a = http_ask(s, &q);
    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(http_header(a, "Content-Encoding"), "gzip");
    expect_message(st, 3, "some");
    expect_message(st, 4, "some");
    h2_expect(h2_get(h2_open(s->port, false), "/node/some"), 200);
    expect_message(st, 5, "some");
}
END_TEST

/* ---- for some, and for later ---- */

START_TEST(an_answer_can_be_for_some_of_the_devices)
{
    struct server *s = apps_start("PushCapture tee\n" ALLOW);
    struct stream *st = stream_open(
        s, "user=ada&device=d&seq=0&channel=city.rome&os=ios", NULL);
    struct answer *a;

    server_allow(s, "PUSH0311");
    apps_write(s, "some",
               "200\nPush-Channel: city.rome\nPush-Where: os=android\n\nx");
    a = apps_get(s, APP_NODE, "some");
    ck_assert_msg(strcasestr(a->head, "\npush") == NULL, "%s", a->head);
    apps_write(s, "some",
               "200\nPush-Channel: city.rome\nPush-Where: os=ios\n\ny");
    apps_get(s, APP_FPM, "some");
    expect_message(st, 1, "y");
    ck_assert_int_eq(apps_captures(s, "published"), 2);
    apps_write(s, "some", "200\nPush-Channel: city.rome\nPush-Where: os\n\nz");
    apps_get(s, APP_CGI, "some");
    ck_assert_int_eq(apps_captures(s, "failed"), 1);
}
END_TEST

START_TEST(an_answer_can_be_a_message_for_later)
{
    struct server *s = apps_start("PushCapture tee\n" ALLOW);
    struct stream *st = follow(s);

    server_allow(s, "PUSH0311");
    apps_write(s, "later", "200\nPush-User: ada\nPush-At: +1\n\nlater");
    apps_get(s, APP_NODE, "later");
    ck_assert_int_eq(apps_captures(s, "published"), 1);
    publish(s, "user=ada", NULL, "at once");
    expect_message(st, 1, "at once");
    expect_message(st, 2, "later");
    apps_write(s, "later", "200\nPush-User: ada\nPush-At: soon\n\nx");
    apps_get(s, APP_NODE, "later");
    ck_assert_int_eq(apps_captures(s, "failed"), 1);
}
END_TEST

START_TEST(the_example_captures_and_holds)
{
    char cwd[4096];
    struct server *s;
    struct stream *st;

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    s = apps_start(
        keep_printf("Include \"%s/conf/examples/capture.conf\"\n", cwd));
    apps_write(s, "hold",
               "200\nContent-Type: text/event-stream\nPush-Hold: stream\n"
               "Push-User: ada\nPush-Channel: trip.7\n\n");
    apps_write(s, "say",
               "200\n" PUSH("to ada") "Push-Channel: trip.7\n\nto all");
    st = apps_hold(s, "/api/hold", NULL);
    ck_assert_int_eq(st->status, 200);
    ck_assert_str_eq(http_get(s, "/api/say")->body, "to all");
    expect_text(st, "to ada");
    expect_text(st, "to all");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("capture");
    TCase *tc = case_add(suite, "capture", 60);

    tcase_add_test(
        tc, what_an_application_says_is_published_and_nobody_else_hears_it);
    tcase_add_test(tc, php_within_httpd_is_no_exception);
    tcase_add_test(tc, what_is_not_whole_is_not_published);
    tcase_add_test(tc, an_answer_passes_as_it_comes);
    tcase_add_test(tc,
                   php_within_httpd_passes_as_it_comes_and_publishes_no_half);
    tcase_add_test(tc,
                   what_the_head_says_has_happened_though_the_client_has_left);
    tcase_add_test(tc, the_receipt_takes_the_place_of_a_body_that_is_consumed);
    tcase_add_test(tc, a_page_that_many_read_is_one_message_for_each_change);
    tcase_add_test(tc, no_client_speaks_in_the_place_of_this_module);
    tcase_add_test(tc, only_what_is_configured_happens);
    tcase_add_test(tc, compressed_and_included_and_over_http2_it_is_the_same);
    tcase_add_test(tc, an_answer_can_be_for_some_of_the_devices);
    tcase_add_test(tc, an_answer_can_be_a_message_for_later);
    tcase_add_test(tc, the_example_captures_and_holds);
    return case_run(suite);
}
