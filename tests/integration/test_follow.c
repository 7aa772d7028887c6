/*
 * POST <base>/follow, on streams over WebSocket and SSE; and how long their
 * heartbeats take to be answered.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "scrape.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"
#include "websocket.h"

#define QUERY "user=ada&device=d"

static const char *const mpms[] = {"event", "worker", "prefork"};

static void ack(struct websocket *ws, const struct frame *f)
{
    websocket_say(ws, keep_printf("{\"ack\":\"%s\"}",
                                  json_text_at(f->json, "id")));
}

static struct answer *follow(const struct server *s, const char *query,
                             const char *body)
{
    return http_do(s, "POST", keep_printf("/ramen/follow?%s", query), NULL,
                   body);
}

static void follow_well(const struct server *s, const char *query,
                        const char *body)
{
    ck_assert_int_eq(follow(s, query, body)->status, 204);
}

static const struct {
    const char *query;
    const char *body;
    int status;
    const char *mention;
} unheard_of[] = {
    {QUERY, "[]", 400, "body: one JSON object"},
    {QUERY, "", 400, "body: one JSON object"},
    {QUERY, "{\"channels\":[],\"channels\":[]}", 400, "no member twice"},
    {QUERY, "{}", 400, "channels: a list of strings"},
    {QUERY, "{\"channels\":\"open-a\"}", 400, "channels: a list"},
    {QUERY, "{\"channels\":[\"open-a\",1]}", 400, "channels: a list"},
    {QUERY, "{\"channels\":[\"\"]}", 400, "channel: 1-255 bytes"},
    {QUERY, "{\"channels\":[],\"from\":1}", 400, "from: now or oldest"},
    {QUERY, "{\"channels\":[],\"from\":\"old\"}", 400, "from: now or oldest"},
    {QUERY, "{\"channels\":[],\"form\":\"now\"}", 400, "none of channels"},
    {QUERY, "{\"channels\":[\"open-a\",\"closed\"]}", 403,
     "closed is not one"},
    {QUERY, "{\"channels\":[\"open-a\",\"open-b\",\"open-c\",\"open-d\"]}",
     400, "at most 3 channels a device"},
    {"user=ada", "{\"channels\":[]}", 400, "device: missing"},
    {"user=ada&device=other", "{\"channels\":[]}", 404, "device:"},
    {"device=d", "{\"channels\":[]}", 401, "user"},
};

static void expect_refusals(const struct server *s)
{
    for (size_t i = 0; i < sizeof(unheard_of) / sizeof(*unheard_of); i++) {
        http_expect(follow(s, unheard_of[i].query, unheard_of[i].body),
                    unheard_of[i].status, unheard_of[i].mention);
    }
    ck_assert_int_eq(
        http_do(s, "GET", "/ramen/follow?" QUERY, NULL, NULL)->status, 405);
    http_expect(http_do(s, "POST", "/ramen/follow?" QUERY,
                        "Sec-Fetch-Site: cross-site\r\n", "{\"channels\":[]}"),
                403, "Sec-Fetch-Site");
}

START_TEST(an_open_stream_follows_other_channels)
{
    struct server_options o = {.mpm = mpms[_i],
                               .receive = "PushUser query:user\n"
                                          "PushChannels open-*\n"
                                          "PushMaxChannelsPerDevice 3\n"};
    struct server *s = server_start(&o);
    struct websocket *ws = websocket_ramen(s, QUERY "&channel=open-a");
    struct stream *st = stream_open(s, "user=eve&device=d&channel=open-b",
                                    NULL);

    publish(s, "channel=open-b", NULL, "1");
    expect_message(st, 1, "1");
    expect_refusals(s);
    publish(s, "channel=open-a", NULL, "2");
    websocket_expect(ws, 1, "data", "2");
    follow_well(s, QUERY, "{\"channels\":[\"open-b\"],\"from\":\"oldest\"}");
    websocket_expect(ws, 2, "data", "1");
    follow_well(s, "user=eve&device=d",
                "{\"channels\":[\"open-b\",\"open-c\"],\"from\":\"now\"}");
    publish(s, "channel=open-a", NULL, "3");
    publish(s, "channel=open-c", NULL, "4");
    expect_message(st, 2, "4");
    publish(s, "channel=open-b", NULL, "5");
    expect_message(st, 3, "5");
    ack(ws, websocket_expect(ws, 3, "data", "5"));
    follow_well(s, QUERY, "{\"channels\":[]}");
    publish(s, "channel=open-b", NULL, "6");
    publish(s, "user=ada", NULL, "7");
    websocket_expect(ws, 4, "data", "7");
    expect_message(st, 4, "6");
    stream_close(st);
}
END_TEST

/* ---- heartbeats ---- */

static double ways(const struct server *s, const char *what)
{
    return scrape_value(scrape_take(s, false),
                        keep_printf("push_round_trip_seconds_%s", what));
}

/* A pong that answers none of ours is none. */
START_TEST(the_answer_to_a_heartbeat_is_timed)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushHeartbeat 200ms"};
    struct server *s = server_start(&o);
    struct websocket *ws = websocket_open(s, "user=eve&device=d", NULL);
    const struct frame *f = websocket_next(ws);

    ck_assert_uint_eq(f->opcode, 9);
    ck_assert_uint_eq(f->length, 8);
    websocket_send(ws, 0x8a, "\0\0\0\0\0\0\0\0", 8);
    websocket_send(ws, 0x8a, "\377\377\377\377\377\377\377\177", 8);
    websocket_send(ws, 0x8a, f->text, 7);
    websocket_send(ws, 0x8a, NULL, 0);
    websocket_send(ws, 0x8a, f->text, 8);
    wait_until(ways(s, "count") > 0);
    ck_assert(ways(s, "count") == 1);
    ck_assert(ways(s, "sum") > 0 && ways(s, "sum") < 60);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("follow");
    TCase *tc = case_add(suite, "streams", 60);

    tcase_add_row_test(tc, an_open_stream_follows_other_channels, mpms);
    tcase_add_test(tc, the_answer_to_a_heartbeat_is_timed);
    return case_run(suite);
}
