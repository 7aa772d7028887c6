/*
 * Answers of applications hold their clients' connections (Push-Hold).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "apps.h"
#include "case.h"
#include "certificate.h"
#include "curl.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"
#include "wire.h"

#define ALLOW                                                                 \
    "PushCapture tee\n"                                                       \
    "PushCaptureAllow hold:city.* hold-user:ada hold-user:u* user:* "         \
    "channel:*\n"

#define MANY 200

static const char ada[] = "200\nContent-Type: text/event-stream\n"
                          "Push-Hold: stream\nPush-User: ada\n"
                          "Push-Device: d\nPush-Channel: city.rome\n"
                          "Push-Channel: city.oslo\nX-Mine: kept\n\n"
                          "event: hello\ndata: first\n\n";

/* ---- every application ---- */

static void is_held(const struct server *s, enum app app)
{
    struct stream *st;

    apps_write(s, "ada", ada);
    st = apps_hold(s, apps_path(app, "ada"), NULL);
    ck_assert_int_eq(st->status, 200);
    ck_assert_msg(strncmp(stream_header(st, "Content-Type"),
                          "text/event-stream", 17)
                      == 0,
                  "%s", st->head);
    ck_assert_msg(strcasestr(st->head, "push-hold") == NULL
                      && strcasestr(st->head, "push-user") == NULL
                      && strcasestr(st->head, "push-channel") == NULL
                      && strcasestr(st->head, "content-length") == NULL,
                  "%s", st->head);
    ck_assert_str_eq(stream_header(st, "X-Mine"), "kept");
    ck_assert_int_eq(strlen(stream_header(st, "Push-Device")), 22);
    expect_message(st, -1, "first");
    wait_until(server_is_quiet(s) && stat_of(s, "streams") == 1);
    publish(s, "user=ada", NULL, "to ada");
    expect_text(st, "to ada");
    publish(s, "channel=city.oslo", NULL, "to oslo");
    expect_text(st, "to oslo");
    leave(s, st);
}

START_TEST(every_application_holds_its_clients)
{
    struct server *s = apps_start(ALLOW);

    is_held(s, APP_NODE);
    is_held(s, APP_FPM);
    is_held(s, APP_CGI);
    ck_assert_ptr_nonnull(
        strstr(http_get(s, "/push/metrics")->body, "\npush_holds_total 3\n"));
}
END_TEST

START_TEST(a_script_in_httpd_holds_its_clients)
{
    struct server *s = apps_start_mod_php(ALLOW);

    is_held(s, APP_MOD_PHP);
}
END_TEST

/* ---- how it goes on ---- */

/* Nobody's streams, told apart by a device id that was made up. */
START_TEST(a_stream_that_was_cut_goes_on)
{
    struct server *s = apps_start(ALLOW);
    const struct event *e;
    struct stream *st, *other;
    const char *cursor;

    apps_write(s, "open",
               "200\nPush-Hold: stream\nPush-Channel: city.rome, city.oslo\n"
               "Push-Keep-Alive: 1\n\n");
    st = apps_hold(s, "/node/open", NULL);
    other = apps_hold(s, "/node/open", NULL);
    publish(s, "channel=city.rome", NULL, "one");
    expect_text(other, "one");
    e = stream_next(st);
    ck_assert_str_eq(e->data, "one");
    ck_assert_int_eq(strlen(e->device), 16);
    cursor = e->id;
    wait_until(stream_next_in(st, 10) == NULL && st->beats > 1);
    leave(s, st);
    publish(s, "channel=city.rome", NULL, "two");
    expect_text(other, "two");
    st = apps_hold(s, "/node/open",
                   keep_printf("Last-Event-ID: %s\r\n", cursor));
    expect_text(st, "two");
    publish(s, "channel=city.oslo", NULL, "three");
    expect_text(st, "three");
    expect_text(other, "three");
    /* An id that the application gave stands for nothing. */
    st = apps_hold(s, "/node/open", "Last-Event-ID: 17\r\n");
    ck_assert_int_eq(st->status, 200);
    publish(s, "channel=city.oslo", NULL, "four");
    expect_text(st, "four");
}
END_TEST

/* No worker and no connection of the application is held. */
START_TEST(many_streams_hold_nothing_but_themselves)
{
    struct server *s = apps_start(ALLOW);
    struct stream *streams[MANY];
    int i;

    for (i = 0; i < MANY; i++) {
        apps_write(s, "many",
                   keep_printf("200\nPush-Hold: stream\nPush-User: u%d\n"
                               "Push-Channel: city.all\n\n",
                               i));
        streams[i] = apps_hold(s, "/node/many", NULL);
        ck_assert_int_eq(streams[i]->status, 200);
    }
    wait_until(server_is_quiet(s));
    ck_assert_int_eq(stat_of(s, "streams"), MANY);
    publish(s, "channel=city.all", NULL, "to all");
    for (i = 0; i < MANY; i++) {
        expect_text(streams[i], "to all");
    }
    /* One of each child, and that which asks. */
    i = atoi(http_get(s, "/node/connections")->body);
    ck_assert_int_le(i, 3);
}
END_TEST

/* ---- one answer ---- */

#define POLL                                                                  \
    "200\nContent-Type: application/json\nPush-User: ada\n"                   \
    "Push-Device: d\nPush-Channel: city.rome\n"

START_TEST(an_answer_waits_for_a_message)
{
    struct server *s = apps_start(ALLOW);
    struct request q = {.target = "/node/wait"};
    struct wire *w = wire_open(s, 0);
    const char *mid = publish(s, "user=ada", NULL, "before");
    struct answer *a;

    apps_write(s, "wait", POLL "Push-Hold: response\n\n{\"none\":true}");
    a = http_get(s, "/node/wait");
    ck_assert_str_eq(json_text_at(a->json, "messages.0.text"), "before");
    q.headers = keep_printf("Last-Event-ID: %s\r\n",
                            json_text_at(a->json, "cursor"));
    http_send(w, &q);
    wait_until(stat_of(s, "streams") == 1 && server_is_quiet(s));
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    publish(s, "channel=city.rome", NULL, "meanwhile");
    a = http_read(w, false);
    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(json_text_at(a->json, "messages.0.text"), "meanwhile");
    ck_assert_ptr_null(json_at(a->json, "messages.1"));
}
END_TEST

START_TEST(an_answer_that_waited_in_vain_is_the_application_s)
{
    struct server *s = apps_start(ALLOW);
    int64_t begun = wait_now();
    struct answer *a;

    apps_write(s, "brief",
               POLL "Push-Hold: response; timeout=1\n\n{\"none\":true}");
    a = http_get(s, "/node/brief");
    ck_assert_int_ge(wait_now() - begun, 1000);
    ck_assert_int_eq(a->status, 200);
    ck_assert_ptr_nonnull(json_at(a->json, "none"));
    ck_assert_str_eq(a->body, "\n{\"none\":true}");
    apps_write(s, "brief", POLL "Push-Hold: response; timeout=1\n\n");
    a = http_get(s, "/node/brief");
    ck_assert_ptr_nonnull(json_at(a->json, "messages"));
    apps_write(s, "brief",
               "200\nContent-Type: text/plain\nPush-Hold: response\n\nx");
    server_allow(s, "PUSH0321");
    http_expect(http_get(s, "/node/brief"), 502,
                "Content-Type: application/json");
}
END_TEST

/* ---- connections ---- */

START_TEST(no_filter_and_no_transport_is_in_the_way)
{
    int port = server_free_port();
    struct server *s = apps_start(keep_printf(
        "LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so\n"
        "Protocols h2 h2c http/1.1\nPushMaxBlockingStreams 4\n" ALLOW
        "SetOutputFilter DEFLATE\n%s",
        certificate_host(port)));
    const char *const rows[] = {
        keep_printf("--http1.1 http://127.0.0.1:%d/node/ada", s->port),
        keep_printf("--http1.0 http://127.0.0.1:%d/node/ada", s->port),
        keep_printf("--http1.1 -H 'Range: bytes=0-3' "
                    "http://127.0.0.1:%d/node/ada",
                    s->port),
        keep_printf("--http1.1 -H 'Accept-Encoding: gzip' "
                    "http://127.0.0.1:%d/node/ada",
                    s->port),
        keep_printf("--http1.1 -H 'Accept-Encoding: gzip' "
                    "http://127.0.0.1:%d/fpm/app.php?ada",
                    s->port),
        keep_printf("--http1.1 https://127.0.0.1:%d/node/ada", port),
        keep_printf("--http2-prior-knowledge http://127.0.0.1:%d/node/ada",
                    s->port),
        keep_printf("--http2 -H 'Accept-Encoding: gzip' "
                    "https://127.0.0.1:%d/node/ada",
                    port)};
    size_t i;

    server_allow(s, "PUSH0050");
    server_allow(s, "AH01882");
    apps_write(s, "ada", ada);
    for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *text = keep_printf("data: message %d\n\n", (int)i);
        const char *said;

        publish(s, "user=ada", NULL, keep_printf("message %d", (int)i));
        said = curl_until(text, keep_printf("-i %s", rows[i]));
        ck_assert_msg(strstr(said, "event: hello\ndata: first\n\n") != NULL
                          && strcasestr(said, "content-encoding") == NULL,
                      "%s: %s", rows[i], said);
    }
}
END_TEST

/* ---- what is refused ---- */

#define HOLD "200\nPush-Hold: stream\n"

static const struct {
    const char *answer;
    int status;
    const char *mention;
} refused[] = {
    {"200\nPush-Hold: maybe\n\n", 502, "Push-Hold: stream, or response"},
    {"200\nPush-Hold: response; timeout=soon\n\n", 502, "timeout=SECONDS"},
    {HOLD "Push-Hold: stream\n\n", 502, "Push-Hold: at most once"},
    {HOLD "Push-Channel: town\n\n", 502, "town is not one of those"},
    {HOLD "Push-Channel: city.a, $stats\n\n", 502, "$stats is not one of"},
    {HOLD "Push-User: eve\n\n", 502, "PushCaptureAllow hold-user:"},
    {HOLD "Push-User: $trigger/a\n\n", 502, "do not begin with $"},
    {HOLD "Push-Device: a b\n\n", 502, "Push-Device: 1-128"},
    {HOLD "Push-Keep-Alive: 0\n\n", 502, "a number from 1 to 3600"},
    {HOLD "Content-Type: text/html\n\n<p>", 502,
     "Content-Type: text/event-stream"},
    {HOLD "Content-Type: text/event-stream\n!gzip: 1\n\n: x\n\n", 502,
     "Content-Encoding: none"},
    {HOLD "Content-Type: text/event-stream\nContent-Length: 9\n!cut: 4\n\n"
          ": x\n\n: y\n",
     502, "broke off"},
    {"404\nPush-Hold: stream\n\n", 502, "status: 200"}};

START_TEST(what_may_not_be_held_is_told_apart)
{
    struct server *s = apps_start(ALLOW "PushCaptureAllow channel:none\n");
    struct server *t = apps_start(
        "PushCapture tee\nPushCaptureAllow user:* channel:*\n");
    char *large = keep_copy(keep_printf("%070000d", 0), 70000);
    struct answer *a;
    size_t i;

    server_allow(s, "PUSH0321");
    server_allow(t, "PUSH0321");
    for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        apps_write(s, "refused", refused[i].answer);
        a = http_get(s, "/node/refused");
        http_expect(a, refused[i].status, refused[i].mention);
        ck_assert_msg(strcasestr(a->head, "\npush-") == NULL, "%s", a->head);
    }
    apps_write(s, "large",
               keep_printf(HOLD "Content-Type: text/event-stream\n\n%s",
                           large));
    http_expect(http_get(s, "/node/large"), 502, "at most 65536 bytes");
    apps_write(s, "open", HOLD "\n");
    http_expect(http_get(s, "/node/open?device=a%20b"), 400, "device: 1-128");
    a = http_do(s, "HEAD", "/node/open", NULL, NULL);
    ck_assert_int_eq(a->status, 200);
    ck_assert_ptr_null(strcasestr(a->head, "push-hold"));
    ck_assert_int_eq(stat_of(s, "streams"), 0);
    /* It may publish; to hold is another right. */
    apps_write(t, "ada", ada);
    http_expect(http_get(t, "/node/ada"), 502, "PushCaptureAllow hold:");
    ck_assert_int_eq(stat_of(t, "streams"), 0);
    ck_assert_int_eq(stat_of(t, "messages"), 0);
}
END_TEST

START_TEST(a_part_of_a_page_holds_nothing)
{
    struct server *s = apps_start(ALLOW
                                  "<Location /page.shtml>\nOptions +Includes\n"
                                  "SetOutputFilter INCLUDES\n</Location>\n");

    server_allow(s, "PUSH0322");
    apps_write(s, "ada", ada);
    server_write(s, "htdocs/page.shtml",
                 "before <!--#include virtual=\"/node/ada\" --> after");
    ck_assert_str_eq(http_get(s, "/page.shtml")->body, "before  after");
    ck_assert_int_eq(stat_of(s, "streams"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hold");
    TCase *tc = case_add(suite, "held", 120);

    tcase_add_test(tc, every_application_holds_its_clients);
    tcase_add_test(tc, a_script_in_httpd_holds_its_clients);
    tcase_add_test(tc, a_stream_that_was_cut_goes_on);
    tcase_add_test(tc, an_answer_waits_for_a_message);
    tcase_add_test(tc, an_answer_that_waited_in_vain_is_the_application_s);
    tcase_add_test(tc, many_streams_hold_nothing_but_themselves);
    tcase_add_test(tc, no_filter_and_no_transport_is_in_the_way);
    tcase_add_test(tc, what_may_not_be_held_is_told_apart);
    tcase_add_test(tc, a_part_of_a_page_holds_nothing);
    return case_run(suite);
}
