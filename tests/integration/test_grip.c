/*
 * Libraries of GRIP, the protocol of Pushpin, find its names here: what they
 * send literally, and one of them with a framework.
 */
#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "apps.h"
#include "case.h"
#include "certificate.h"
#include "curl.h"
#include "h2.h"
#include "jws.h"
#include "keep.h"
#include "stream.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"
#include "wire.h"

#define ALLOW                                                                 \
    "PushCapture headers\n"                                                   \
    "PushCaptureAllow hold:city.* hold-user:ada\n"

static struct server *grip_start(void)
{
    return apps_start(keep_printf(ALLOW "PushGripKey realm %s\n",
                                  token_file("changeme\n", 0600)));
}

/* The token that was made when it expires then. */
static bool is_signed(const char *token, long expires)
{
    const struct jws_signer signer = {.alg = "HS256", .secret = "changeme"};
    char *made = jws_sign(&signer, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
                          keep_printf("{\"iss\":\"realm\",\"exp\":%ld}",
                                      expires));
    bool same = strcmp(made, token) == 0;

    free(made);
    return same;
}

/* Fail the test unless it is of the issuer, and good for an hour. */
static void expect_signature(const char *token)
{
    long late = token_time(3600), at = late - 60;

    while (at <= late && !is_signed(token, at)) {
        at++;
    }
    ck_assert_msg(at <= late, "%s", token);
}

START_TEST(an_application_knows_by_whom_it_is_asked)
{
    struct server *s = grip_start(), *t = apps_start(ALLOW);
    const char *forged = "Grip-Sig: forged\r\nGrip-Feature: all\r\n";
    struct answer *a = http_do(s, "GET", "/node/mirror", forged, NULL);
    json_t *seen = json_loads(a->body, 0, NULL);

    json_keep(seen);
    expect_signature(json_text_at(seen, "grip-sig"));
    ck_assert_str_eq(json_text_at(seen, "grip-feature"), "status");
    a = http_do(t, "GET", "/node/mirror", forged, NULL);
    ck_assert_msg(strstr(a->body, "grip") == NULL, "%s", a->body);
}
END_TEST

#define ITEM(channel, formats)                                                \
    "{\"items\":[{\"channel\":\"" channel                                     \
    "\",\"id\":\"8\",\"prev-id\":\"7\",\"formats\":{" formats "}}]}"

static struct answer *publish_item(const struct server *s, const char *body)
{
    return http_do(s, "POST", "/push/publish/",
                   "Content-Type: application/json\r\n", body);
}

START_TEST(what_speaks_grip_holds_and_publishes)
{
    struct server *s = grip_start();
    const struct event *e;
    struct stream *st;
    struct answer *a;

    apps_write(s, "grip",
               "200\nContent-Type: text/event-stream\nGrip-Hold: stream\n"
               "Grip-Channel: city.rome, city.oslo\n"
               "Grip-Keep-Alive: event: keep-alive\\ndata:\\n\\n; "
               "format=cstring; timeout=20\n"
               "Grip-Link: </next>; rel=next; timeout=60\n"
               "Grip-Timeout: 55\nGrip-Set-Meta: user=\"ada\"\n\n"
               "event: open\ndata: hello\n\n");
    st = apps_hold(s, "/node/grip?device=d", NULL);
    ck_assert_int_eq(st->status, 200);
    ck_assert_msg(strcasestr(st->head, "\ngrip-") == NULL, "%s", st->head);
    expect_text(st, "hello");
    a = publish_item(
        s, ITEM("city.oslo",
                "\"http-stream\":{\"content\":\"event: message\\n"
                "data: hi\\ndata: there\\n\\n: x\\nevent: state\\r\\n"
                "data: {}\\r\\n\\r\\n\"},\"ws-message\":{}"));
    ck_assert_int_eq(a->status, 200);
    e = stream_next(st);
    ck_assert_str_eq(e->data, "hi\nthere");
    ck_assert_str_eq(e->type, "");
    e = stream_next(st);
    ck_assert_str_eq(e->data, "{}");
    ck_assert_str_eq(e->type, "state");
    publish(s, "user=ada", NULL, "to ada");
    expect_text(st, "to ada");
}
END_TEST

/* ---- one answer ---- */

/* Ask, and wait until the request is held. */
static struct wire *wait_for_answer(const struct server *s, const char *target)
{
    struct request q = {.target = target};
    struct wire *w = wire_open(s, 0);

    http_send(w, &q);
    wait_until(stat_of(s, "streams") == 1 && server_is_quiet(s));
    return w;
}

static const struct {
    const char *format;
    int status;
    const char *body;
} published[] = {
    {"{\"body\":\"hi\\n\"}", 200, "hi\n"},
    {"{\"code\":201,\"reason\":\"Made\",\"headers\":{\"X-Mine\":\"a\","
     "\"Content-Length\":\"99\"},\"body-bin\":\"aGkA\"}",
     201, "hi"},
    {"{\"code\":\"404\",\"headers\":[[\"X-Mine\",\"b\"],[\"Cache-Control\","
     "\"max-age=9\"]],\"body\":\"\"}",
     404, ""},
};

#define WAITS                                                                 \
    "200\nContent-Type: text/plain\nGrip-Hold: response\n"                    \
    "Grip-Channel: city.rome\nX-Mine: kept\n"

START_TEST(a_request_waits_for_an_answer_that_is_published)
{
    struct server *s = grip_start();

    apps_write(s, "wait", WAITS "\nnothing");
    for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
        struct wire *w = wait_for_answer(s, "/node/wait");
        struct answer *a;

        /* What is for streams is not for it. */
        publish(s, "channel=city.rome", NULL, "else");
        ck_assert_int_eq(
            publish_item(s,
                         keep_printf(ITEM("city.rome", "\"http-response\":%s"),
                                     published[i].format))
                ->status,
            200);
        a = http_read(w, false);
        ck_assert_int_eq(a->status, published[i].status);
        ck_assert_str_eq(a->body, published[i].body);
        ck_assert_str_eq(http_header(a, "Connection"), "close");
        ck_assert_str_eq(http_header(a, "Cache-Control"),
                         i == 2 ? "max-age=9" : "no-store");
        if (i) {
            ck_assert_str_eq(http_header(a, "X-Mine"), i == 1 ? "a" : "b");
        }
        wait_until(stat_of(s, "streams") == 0);
    }
}
END_TEST

/* It is for those that wait in this moment, and a stream is counted a little
 * before it does: so publish until it is answered. */
static void answer_by_item(const struct server *s, struct h2 *c,
                           struct exchange *x, const char *item)
{
    int64_t deadline = wait_now() + 2 * WAIT_MS;

    h2_wait_until(c, stat_of(s, "streams") == 1);
    while (!x->ended) {
        int64_t again = wait_now() + 1000;

        ck_assert_msg(wait_now() < deadline, "no answer");
        ck_assert_int_eq(publish_item(s, item)->status, 200);
        while (!x->ended && wait_now() < again) {
            h2_turn(c, 20);
        }
    }
}

/* Each on the same connection, which stays. */
START_TEST(over_http2_it_is_answered_as_it_was_published)
{
    struct server *s = apps_start(keep_printf(
        "LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so\n"
        "Protocols h2c http/1.1\nPushMaxBlockingStreams 4\n" ALLOW
        "PushMaxMessageSize 200000\n"));
    struct h2 *c = h2_open(s->port, false);
    char *large = keep_copy(keep_printf("%0100000d", 7), 100000);
    struct exchange *x;

    server_allow(s, "PUSH0050");
    apps_write(s, "wait", WAITS "\nnothing");
    for (size_t i = 0; i < sizeof(published) / sizeof(*published); i++) {
        x = h2_get(c, "/node/wait");
        answer_by_item(s, c, x,
                       keep_printf(ITEM("city.rome", "\"http-response\":%s"),
                                   published[i].format));
        h2_expect(x, published[i].status);
        ck_assert_str_eq(x->body, published[i].body);
        ck_assert_str_eq(h2_header(x, "cache-control"),
                         i == 2 ? "max-age=9" : "no-store");
        if (i) {
            ck_assert_str_eq(h2_header(x, "x-mine"), i == 1 ? "a" : "b");
        }
        ck_assert_ptr_null(h2_header(x, "push-device"));
        h2_wait_until(c, stat_of(s, "streams") == 0);
    }
    x = h2_get(c, "/node/wait");
    answer_by_item(s, c, x,
                   keep_printf(ITEM("city.rome", "\"http-response\":"
                                                 "{\"body\":\"%s\"}"),
                               large));
    h2_expect(x, 200);
    ck_assert_str_eq(x->body, large);
}
END_TEST

START_TEST(what_waited_in_vain_is_answered_as_the_application_said)
{
    int port = server_free_port();
    struct server *s = apps_start(keep_printf(
        "LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so\n"
        "Protocols h2 http/1.1\nPushMaxBlockingStreams 4\nSetOutputFilter "
        "DEFLATE\n" ALLOW "%s",
        certificate_host(port)));
    struct answer *a;
    const char *said;

    server_allow(s, "AH01882");
    server_allow(s, "PUSH0050");
    apps_write(s, "brief", WAITS "Grip-Timeout: 1\nGrip-Status: 202\n\nnone");
    a = http_do(s, "GET", "/node/brief", "Accept-Encoding: gzip\r\n", NULL);
    ck_assert_int_eq(a->status, 202);
    ck_assert_str_eq(a->body, "none");
    ck_assert_str_eq(http_header(a, "X-Mine"), "kept");
    ck_assert_str_eq(http_header(a, "Content-Type"), "text/plain");
    ck_assert_msg(strcasestr(a->head, "\ngrip-") == NULL, "%s", a->head);
    apps_write(s, "brief",
               "304\nGrip-Hold: response\nGrip-Channel: city.a\n"
               "Grip-Timeout: 1\nETag: \"x\"\n\n");
    a = http_get(s, "/node/brief");
    ck_assert_int_eq(a->status, 304);
    ck_assert_str_eq(http_header(a, "ETag"), "\"x\"");
    apps_write(s, "brief", WAITS "Grip-Timeout: 1\n\nnone");
    said = curl_until("none", keep_printf("-i --http1.1 "
                                          "https://127.0.0.1:%d/node/brief",
                                          port));
    ck_assert_msg(strstr(said, "X-Mine: kept") != NULL, "%s", said);
    said = curl_until("none", keep_printf("-i --http2 https://127.0.0.1:"
                                          "%d/node/brief",
                                          port));
    ck_assert_msg(strstr(said, "HTTP/2 200") != NULL
                      && strstr(said, "x-mine: kept") != NULL
                      && strcasestr(said, "push-") == NULL,
                  "%s", said);
    wait_until(stat_of(s, "streams") == 0);
}
END_TEST

/* ---- instructions as a body ---- */

#define INSTRUCT "200\nContent-Type: application/grip-instruct\n\n"

START_TEST(a_body_can_say_what_headers_do)
{
    struct server *s = grip_start();
    struct stream *st;
    struct answer *a;

    apps_write(s, "body",
               INSTRUCT
               "{\"hold\":{\"mode\":\"stream\",\"channels\":["
               "{\"name\":\"city.rome\"},{\"name\":\"city.oslo\"}],"
               "\"keep-alive\":{\"content\":\":\\n\",\"timeout\":20},"
               "\"meta\":{\"user\":\"ada\"}},\"response\":{\"headers\":"
               "{\"Content-Type\":\"text/event-stream\","
               "\"X-Mine\":\"a\"},\"body\":\"data: hello\\n\\n\"}}");
    st = apps_hold(s, "/node/body", NULL);
    ck_assert_int_eq(st->status, 200);
    ck_assert_str_eq(stream_header(st, "X-Mine"), "a");
    expect_text(st, "hello");
    publish(s, "channel=city.oslo", NULL, "to oslo");
    expect_text(st, "to oslo");
    publish(s, "user=ada", NULL, "to ada");
    expect_text(st, "to ada");
    leave(s, st);
    apps_write(s, "body",
               INSTRUCT "{\"hold\":{\"mode\":\"response\",\"channels\":["
                        "{\"name\":\"city.rome\"}],\"timeout\":1},"
                        "\"response\":{\"code\":203,\"headers\":"
                        "[[\"Content-Type\",\"text/plain\"]],"
                        "\"body-bin\":\"aGk=\"}}");
    a = http_get(s, "/node/body");
    ck_assert_int_eq(a->status, 203);
    ck_assert_str_eq(http_header(a, "Content-Type"), "text/plain");
    ck_assert_str_eq(a->body, "hi");
}
END_TEST

/* ---- the end of streams ---- */

START_TEST(who_publishes_can_end_the_streams_of_a_channel)
{
    struct server *s = grip_start();
    struct stream *st, *other;
    const struct event *e;

    apps_write(s, "rome",
               "200\nGrip-Hold: stream\nGrip-Channel: city.rome\n\n");
    apps_write(s, "oslo",
               "200\nGrip-Hold: stream\nGrip-Channel: city.oslo\n\n");
    st = apps_hold(s, "/node/rome", NULL);
    other = apps_hold(s, "/node/oslo", NULL);
    wait_until(stat_of(s, "streams") == 2);
    publish(s, "channel=city.rome", NULL, "before");
    ck_assert_int_eq(publish_item(s, ITEM("city.rome",
                                          "\"http-stream\":{\"action\":"
                                          "\"close\",\"content\":\"\"}"))
                         ->status,
                     200);
    e = stream_next(st);
    ck_assert_str_eq(e->data, "before");
    stream_expect_bye(st, "disconnected");
    /* Who comes again stays. */
    st = apps_hold(s, "/node/rome",
                   keep_printf("Last-Event-ID: %s\r\n", e->id));
    publish(s, "channel=city.rome", NULL, "after");
    expect_text(st, "after");
    publish(s, "channel=city.oslo", NULL, "to oslo");
    expect_text(other, "to oslo");
}
END_TEST

#define GRIP "200\nGrip-Hold: stream\n"

static const char *const grip_refused[][2] = {
    {"200\nGrip-Hold: maybe\n\n", "Grip-Hold: stream, or response"},
    {"200\nGrip-Hold: response\nGrip-Set-Meta: user=\"ada\"\n\n",
     "Grip-Set-Meta: only beside"},
    {"200\nGrip-Hold: response\nGrip-Channel: town\n\n",
     "town is not one of those"},
    {GRIP "Grip-Timeout: soon\n\n", "Grip-Timeout: seconds"},
    {GRIP "Grip-Status: 99\n\n", "Grip-Status: 200 to 599"},
    {INSTRUCT "[]", "application/grip-instruct: an object"},
    {INSTRUCT "{\"hold\":{}}", "hold.mode"},
    {INSTRUCT "{\"hold\":{\"mode\":\"stream\"}}", "hold.channels"},
    {INSTRUCT
     "{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"city.a\","
     "\"prev-id\":\"7\"}]}}",
     "hold.channels.prev-id is not supported"},
    {INSTRUCT "{\"next\":{}}", "grip-instruct.next is not supported"},
    {INSTRUCT "{\"hold\":{\"mode\":\"response\",\"channels\":[{\"name\":"
              "\"city.a\"}]},\"response\":{\"headers\":{\"X\":\"a\\nb\"}}}",
     "response.headers"},
    {GRIP "Grip-Channel: city.a; prev-id=7\n\n", "prev-id=7) is not"},
    {GRIP "Grip-Channel: city.a; filter=skip-self\n\n",
     "filter=skip-self) is not supported"},
    {GRIP "Grip-Channel: city.b, city.a; filter=skip-users; filter=x\n\n",
     "(filter=skip-users; filter=x) is not supported"},
    {"200\nGrip-Hold: response\nGrip-Channel: city.a; filter=build-id\n\n",
     "filter=build-id) is not supported"},
    {GRIP "Grip-Channel: city.a\nGrip-Session-Id: 7\n\n",
     "Grip-Session-Id is not supported"},
    {"200\nGrip-Hold: response\nGrip-Channel: city.a\n"
     "Grip-Session-Timeout: 7\n\n",
     "Grip-Session-Timeout is not supported"},
    {INSTRUCT
     "{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"city.a\","
     "\"filters\":[\"skip-self\"]}]}}",
     "hold.channels.filters is not supported"},
    {INSTRUCT "{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":"
              "\"city.a; filter=skip-self\"}]}}",
     "hold.channels.name: a text without"},
    {INSTRUCT "{\"hold\":{\"mode\":\"stream\",\"session\":{\"id\":\"7\"},"
              "\"channels\":[{\"name\":\"city.a\"}]}}",
     "hold.session is not supported"},
    {GRIP "Grip-Channel: town\n\n", "town is not one of those"},
    {GRIP "Grip-Keep-Alive: x; timeout=0\n\n", "from 1 to 3600"},
    {GRIP "Grip-Set-Meta: room=\"1\"\n\n", "Grip-Set-Meta: user="},
    {GRIP "Grip-Set-Meta: user=\"eve\"\n\n", "hold-user:"},
    {GRIP "Grip-Status: 404\n\n", "Grip-Status: 200, beside"},
    {GRIP "Grip-Link: </gone>; rel=gone\n\n", "Grip-Link: rel=next"},
    {GRIP "Grip-Expose-Headers: X\n\n", "Grip-Expose-Headers is not"}};

static const struct {
    const char *body;
    int status;
    const char *mention;
} items_refused[] = {
    {"nonsense", 400, "no JSON"},
    {"{\"items\":[]}", 400, "items: 1 to 100"},
    {"{\"items\":[{\"formats\":{}}]}", 422, "channel: 1-255 bytes"},
    {ITEM("city.a", "\"ws-message\":{\"content\":\"x\"}"), 422,
     "formats: http-stream"},
    {ITEM("city.a", "\"http-stream\":{\"action\":\"hint\"}"), 422,
     "action is send, or close"},
    {ITEM("city.a", "\"http-stream\":{\"content-bin\":\"?\"}"), 422,
     "content-bin: base64"},
    {ITEM("city.a", "\"http-stream\":{\"content-bin\":\"/w==\"}"), 422,
     "UTF-8"},
    {ITEM("city.a", "\"http-response\":{\"code\":99}"), 422,
     "code is 200 to 599"},
    {ITEM("city.a", "\"http-response\":{\"headers\":{\"A\":\"b\\r\\nC: d\"}}"),
     422, "without controls"},
    {ITEM("city.a", "\"http-response\":{\"reason\":\"a\\nb\"}"), 422,
     "reason is a text"},
    {ITEM("city.a", "\"http-response\":{\"body-patch\":[]}"), 422,
     "body-patch is not supported"},
    {ITEM("city.a", "\"http-response\":{\"body\":\"x\",\"content-filters\":"
                    "[\"skip-self\"]}"),
     422, "http-response: content-filters is not supported"},
    {ITEM("city.a", "\"http-stream\":{\"content\":\"data: x\\n\\n\","
                    "\"content-filters\":[\"var-subst\"]}"),
     422, "http-stream: content-filters is not supported"},
    {ITEM("city.a", "\"http-stream\":\"data: x\\n\\n\""), 422,
     "http-stream: an object"},
    {ITEM("city.a", "\"http-stream\":{\"content\":\"hello\\n\"}"), 422,
     "Server-Sent Events"},
    {ITEM("$stats", "\"http-stream\":{\"content\":\"data: x\\n\\n\"}"), 422,
     "do not begin with $"}};

START_TEST(what_of_grip_is_not_here_is_named)
{
    struct server *s = grip_start();
    struct answer *a;
    size_t i;

    server_allow(s, "PUSH0321");
    for (i = 0; i < sizeof(grip_refused) / sizeof(*grip_refused); i++) {
        apps_write(s, "refused", grip_refused[i][0]);
        http_expect(http_get(s, "/node/refused"), 502, grip_refused[i][1]);
    }
    for (i = 0; i < sizeof(items_refused) / sizeof(*items_refused); i++) {
        a = publish_item(s, items_refused[i].body);
        http_expect(a, items_refused[i].status, items_refused[i].mention);
    }
    ck_assert_int_eq(stat_of(s, "streams"), 0);
    ck_assert_int_eq(stat_of(s, "messages"), 0);
}
END_TEST

/* ---- a library, and a framework ---- */

static const char *shop(const char *name)
{
    char path[PATH_MAX];
    const char *file = keep_printf("tests/integration/apps/grip/%s", name);

    ck_assert_msg(realpath(file, path) != NULL, "no %s (npm ci)", file);
    return keep_copy(path, strlen(path));
}

/* @fanoutio/serve-grip with Express, as npm has them. */
static struct server *start_shop(void)
{
    int port = server_free_port();
    struct server *s = apps_start(
        keep_printf(ALLOW "PushGripKey realm %s\n"
                          "ProxyPass /shop/ http://127.0.0.1:%d/ retry=0\n",
                    token_file("changeme\n", 0600), port));
    const char *argv[] = {"node", shop("app.mjs"), keep_printf("%d", port),
                          keep_printf("http://127.0.0.1:%d/push/", s->port),
                          NULL};

    shop("node_modules/express");
    apps_run(s, argv, port);
    return s;
}

START_TEST(serve_grip_and_express_hold_and_publish)
{
    struct server *s = start_shop();
    struct stream *st = apps_hold(s, "/shop/stream", NULL);
    struct answer *a;
    struct wire *w;

    ck_assert_int_eq(st->status, 200);
    expect_text(st, "hello");
    a = http_do(s, "POST", "/shop/say?text=one", NULL, "");
    ck_assert_str_eq(a->body, "said");
    expect_text(st, "one");
    a = http_do(s, "POST", "/shop/binary", NULL, "");
    ck_assert_str_eq(a->body, "said");
    expect_text(st, "bytes");
    a = http_do(s, "POST", "/shop/close", NULL, "");
    ck_assert_str_eq(a->body, "closed");
    stream_expect_bye(st, "disconnected");
    wait_until(stat_of(s, "streams") == 0);
    w = wait_for_answer(s, "/shop/wait?seconds=30");
    a = http_do(s, "POST", "/shop/say?text=two", NULL, "");
    ck_assert_str_eq(a->body, "said");
    a = http_read(w, false);
    ck_assert_int_eq(a->status, 201);
    ck_assert_str_eq(http_header(a, "X-Said"), "yes");
    ck_assert_str_eq(a->body, "two\n");
    ck_assert_str_eq(http_get(s, "/shop/wait?seconds=1")->body, "no news");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grip");
    TCase *tc = case_add(suite, "grip", 120);

    tcase_add_test(tc, an_application_knows_by_whom_it_is_asked);
    tcase_add_test(tc, what_speaks_grip_holds_and_publishes);
    tcase_add_test(tc, a_request_waits_for_an_answer_that_is_published);
    tcase_add_test(tc, over_http2_it_is_answered_as_it_was_published);
    tcase_add_test(tc,
                   what_waited_in_vain_is_answered_as_the_application_said);
    tcase_add_test(tc, a_body_can_say_what_headers_do);
    tcase_add_test(tc, who_publishes_can_end_the_streams_of_a_channel);
    tcase_add_test(tc, what_of_grip_is_not_here_is_named);
    tcase_add_test(tc, serve_grip_and_express_hold_and_publish);
    return case_run(suite);
}
