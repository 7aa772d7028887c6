/*
 * What applications say in their answers becomes messages, and their clients
 * get the answers as they were (PushCapture).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "apps.h"
#include "case.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"
#include "wire.h"

#define PUSH(text) "Push: {\"user\":\"ada\",\"text\":\"" text "\"}\n"

#define ALLOW                                                                 \
    "PushCaptureAllow user:ada channel:city.* broadcast\n"                    \
    "PushCaptureOnce off\n"

/* How many messages of answers came to this. */
static int captures(const struct server *s, const char *result)
{
    const char *text = http_get(s, "/push/metrics")->body;
    const char *series = keep_printf("\npush_captures_total{result=\"%s\"} ",
                                     result);
    const char *at = strstr(text, series);

    ck_assert_msg(at != NULL, "no %s", series);
    return atoi(at + strlen(series));
}

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
        int before = captures(s, row->result);

        apps_write(s, row->name, row->answer);
        expect_clean(apps_get(s, app, row->name), row);
        ck_assert_msg(captures(s, row->result) == before + row->count,
                      "%s of application %d: %d %s", row->name, app,
                      captures(s, row->result) - before, row->result);
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

int main(void)
{
    Suite *suite = suite_create("capture");
    TCase *tc = case_add(suite, "capture", 60);

    tcase_add_test(
        tc, what_an_application_says_is_published_and_nobody_else_hears_it);
    tcase_add_test(tc, php_within_httpd_is_no_exception);
    return case_run(suite);
}
