/*
 * What triggers do: requests to a backend, the messages that come of them,
 * retries, dead letters, webhooks and timers, with two children or more.
 */
#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <signal.h>
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

#define EVENTS                                                                \
    "Content-Type: application/cloudevents+json\r\nPush-Client: test/1\r\n"

static struct server *start(struct backend *b, const char *sections)
{
    struct server_options options = {
        .global = keep_printf("Define BACKEND http://127.0.0.1:%d\n%s",
                              b->port, sections)};

    return server_start(&options);
}

/* One event; how many rules it matched. */
static int tell(const struct server *s, const char *type, const char *id,
                const char *data)
{
    struct answer *a = http_do(
        s, "POST", "/push/events", EVENTS,
        keep_printf("{\"specversion\":\"1.0\",\"type\":\"%s\","
                    "\"source\":\"/test\",\"id\":\"%s\",\"data\":%s}",
                    type, id, data));

    ck_assert_msg(a->status == 202, "%d %s", a->status, a->body);
    return 0;
}

/* ---- pulls ---- */

static const char pull[] =
    "<PushTrigger trip>\n"
    "PushWhen \"event('type') == 'trip.accepted'\"\n"
    "PushTo user \"%{event:data.rider}\"\n"
    "PushPull \"${BACKEND}/trips/%{event:data.trip}\" timeout=5s\n"
    "PushMessage urgency=high ttl=60 event=trip.state\n"
    "PushRetry attempts=4 age=60s\n"
    "</PushTrigger>\n";

START_TEST(an_event_is_pulled_for_and_the_answer_is_pushed)
{
    struct backend *b = backend_start();
    struct server *s = start(b, pull);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&meta=urgency",
                                    NULL);
    const struct event *e;

    backend_answer(b, 200, "Content-Type: application/json\r\n",
                   "{\"eta\":3}");
    tell(s, "trip.accepted", "1", "{\"rider\":\"ada\",\"trip\":\"a/b\"}");
    e = stream_next(st);
    ck_assert_str_eq(e->type, "trip.state");
    ck_assert_str_eq(e->data, "{\"eta\":3}");
    ck_assert_ptr_nonnull(strstr(backend_head(b, 0), "GET /trips/a%2Fb HTTP"));
    ck_assert_str_eq(backend_header(b, 0, "Push-User"), "ada");
    ck_assert_str_eq(backend_header(b, 0, "Push-Trigger"), "trip");
    ck_assert_str_eq(backend_header(b, 0, "Push-Event-Type"), "trip.accepted");
    /* What the answer says comes before what the section says. */
    backend_answer(b, 200, "Push-Event: trip.other\r\n", "two");
    tell(s, "trip.accepted", "2", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    e = stream_next(st);
    ck_assert_str_eq(e->type, "trip.other");
    ck_assert_str_eq(e->data, "two");
    /* There is nothing to push, and the same event is no other one. */
    backend_answer(b, 204, NULL, "");
    tell(s, "trip.accepted", "3", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    tell(s, "trip.accepted", "3", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    backend_await(b, 3);
    backend_answer(b, 200, NULL, "four");
    tell(s, "trip.accepted", "4", "{\"rider\":\"ada\",\"trip\":\"7\"}");
    ck_assert_str_eq(stream_next(st)->data, "four");
    ck_assert_int_eq(backend_count(b), 4);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("triggers");
    TCase *tc = case_add(all, "pulls", 60);

    tcase_add_test(tc, an_event_is_pulled_for_and_the_answer_is_pushed);
    return all;
}

int main(void)
{
    return case_run(suite());
}
