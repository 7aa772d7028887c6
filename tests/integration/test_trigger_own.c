/*
 * The server's own events, as triggers tell them to a backend.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static int figure(const struct server *s, const char *path)
{
    return (int)json_int_at(http_get(s, "/push/triggers")->json,
                            keep_printf("triggers.0.%s", path));
}

/* The event that a webhook of the backend was told. */
static const json_t *event_at(struct backend *b, int n)
{
    backend_await(b, n + 1);
    return json_keep(json_loads(backend_body(b, n), 0, NULL));
}

/* ---- what nobody acknowledges ---- */

static const char sms[] =
    "<PushTrigger sms>\n"
    "PushWhen \"event('type') == 'push.message.unacked' && "
    "event('data.event') == 'trip.accepted'\" unacked=1s\n"
    "PushPost \"${BACKEND}/%{event:data.audience.user}\"\n"
    "</PushTrigger>\n";

#define ACCEPTED "Push-Event: trip.accepted\r\n"

/* The last of them tells that all before it have been looked at. */
START_TEST(who_has_not_acknowledged_in_time_is_told_of_and_nobody_else)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, sms);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    int64_t told = wait_now();
    const char *mid;
    int doras = 0;

    backend_answer(b, 200, NULL, "");
    publish(s, "user=ada", ACCEPTED, "acknowledged");
    expect_message(st, 1, "acknowledged");
    acknowledge(s, "user=ada&device=d&seq=1");
    mid = publish(s, "user=bob", ACCEPTED, "recalled");
    http_expect(http_do(s, "DELETE", keep_printf("/push/messages/%s", mid),
                        "Push-Client: t/1\r\n", NULL),
                200, NULL);
    publish(s, "user=carl", "Push-Event: trip.ended\r\n", "another");
    publish(s, "user=dora", ACCEPTED "Topic: t\r\n", "replaced");
    publish(s, "channel=c", ACCEPTED, "a channel's");
    publish(s, "user=ada", ACCEPTED, "sent, and no more");
    expect_message(st, 2, "sent, and no more");
    mid = publish(s, "user=dora", ACCEPTED "Topic: t\r\n", "no device");
    backend_await(b, 2);
    ck_assert_int_ge(wait_now() - told, 1000);
    wait_until(figure(s, "waiting") == 0);
    ck_assert_int_eq(figure(s, "matched"), 5);
    ck_assert_int_eq(backend_count(b), 2);
    /* Webhooks run side by side: either may be the first. */
    for (int i = 0; i < 2; i++) {
        const json_t *event = event_at(b, i);
        bool dora = strcmp(json_text_at(event, "data.message"), mid) == 0;

        doras += dora;
        ck_assert_str_eq(json_text_at(event, "type"), "push.message.unacked");
        ck_assert_str_eq(json_text_at(event, "data.audience.user"),
                         dora ? "dora" : "ada");
    }
    ck_assert_int_eq(doras, 1);
}
END_TEST

/* ---- all others ---- */

static const char hooks[] =
    "PushPresence on\n"
    "PushMaxPending 2\n"
    "<PushTrigger hook>\n"
    "PushWhen \"event('type') in { 'push.message.replaced', "
    "'push.message.recalled', 'push.message.evicted', "
    "'push.device.disconnected', 'push.channel.vacated', "
    "'push.device.gap' }\"\n"
    "PushPost ${BACKEND}/\n"
    "</PushTrigger>\n";

/* The device has lost the first of three, and comes back. */
static void expect_gap(struct server *s, struct backend *b, int from)
{
    const json_t *gap;

    for (int i = 1; i <= 3; i++) {
        publish(s, "user=dora", NULL, keep_printf("%d", i));
    }
    ck_assert_str_eq(json_text_at(event_at(b, from), "type"),
                     "push.message.evicted");
    stream_open(s, "user=dora&device=d&seq=0&app=rider", NULL);
    gap = event_at(b, from + 1);
    ck_assert_str_eq(json_text_at(gap, "type"), "push.device.gap");
    ck_assert_str_eq(json_text_at(gap, "data.user"), "dora");
    ck_assert_str_eq(json_text_at(gap, "data.device_id"), "d");
    ck_assert_str_eq(json_text_at(gap, "data.app"), "rider");
    ck_assert_int_eq(json_int_at(gap, "data.dropped"), 1);
    ck_assert_str_eq(json_text_at(gap, "data.reason"), "mailbox");
    ck_assert_str_eq(json_text_at(gap, "data.urgency"), "normal");
}

START_TEST(what_ends_and_who_leaves_is_told)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, hooks);
    struct stream *st;
    const char *mid;

    backend_answer(b, 200, NULL, "");
    wait_until(figure(s, "child") != 0);
    mid = publish(s, "user=ada", "Topic: t\r\n", "old");
    publish(s, "user=ada", "Topic: t\r\n", "new");
    ck_assert_str_eq(json_text_at(event_at(b, 0), "type"),
                     "push.message.replaced");
    ck_assert_str_eq(json_text_at(event_at(b, 0), "data.message"), mid);
    mid = publish(s, "user=bob", NULL, "x");
    http_do(s, "DELETE", keep_printf("/push/messages/%s", mid),
            "Push-Client: t/1\r\n", NULL);
    ck_assert_str_eq(json_text_at(event_at(b, 1), "type"),
                     "push.message.recalled");
    ck_assert_str_eq(json_text_at(event_at(b, 1), "data.message"), mid);
    mid = publish(s, "user=carl", NULL, "1");
    publish(s, "user=carl", NULL, "2");
    publish(s, "user=carl", NULL, "3");
    ck_assert_str_eq(json_text_at(event_at(b, 2), "type"),
                     "push.message.evicted");
    ck_assert_str_eq(json_text_at(event_at(b, 2), "data.message"), mid);
    st = stream_open(s, "user=dora&device=d&seq=0&channel=c", NULL);
    wait_until(holder_of(s, st) != 0);
    /* Who was there too briefly was not. */
    ck_assert_ptr_null(stream_next_in(st, 3500));
    leave(s, st);
    backend_await(b, 5);
    for (int i = 3; i < 5; i++) {
        const char *type = json_text_at(event_at(b, i), "type");

        if (strcmp(type, "push.channel.vacated") == 0) {
            ck_assert_str_eq(json_text_at(event_at(b, i), "data.channel"),
                             "c");
        }
        else {
            ck_assert_str_eq(type, "push.device.disconnected");
            ck_assert_str_eq(json_text_at(event_at(b, i), "data.user"),
                             "dora");
        }
    }
    expect_gap(s, b, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trigger_own");
    TCase *tc = case_add(suite, "own", 60);

    tcase_add_test(
        tc, who_has_not_acknowledged_in_time_is_told_of_and_nobody_else);
    tcase_add_test(tc, what_ends_and_who_leaves_is_told);
    return case_run(suite);
}
