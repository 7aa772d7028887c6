/*
 * Queues of triggers: what they refuse, put off and give up, and that nothing
 * of what they took is lost.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "case.h"
#include "http.h"
#include "keep.h"
#include "scrape.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define UNDER_WAY 256 /* at most, of a queue */
#define BATCH     "Content-Type: application/cloudevents-batch+json\r\n"
#define NUMBER    "PushPost \"${BACKEND}/%{event:data.n}\" timeout=20s\n"

/* Events from … to - 1, each with its number and this more of data. */
static struct answer *tell(const struct server *s, int from, int to,
                           const char *more)
{
    const char *batch = "[";

    for (int i = from; i < to; i++) {
        batch = keep_printf("%s%s{\"specversion\":\"1.0\",\"type\":\"n\","
                            "\"source\":\"/test\",\"id\":\"%d\",\"data\":"
                            "{\"n\":%d%s}}",
                            batch, i > from ? "," : "", i, i, more);
    }
    return http_do(s, "POST", "/push/events", BATCH,
                   keep_printf("%s]", batch));
}

static int figure(const struct server *s, const char *path)
{
    return (int)json_int_at(http_get(s, "/push/triggers")->json,
                            keep_printf("triggers.0.%s", path));
}

/* Tells of events, 20 at a time and from this number on, until the queue has as
 * many as it can: returns the number of the first one that is to be told of
 * again.  A queue refuses before, where what is under way does not keep up. */
static int fill(const struct server *s, int from, int max_pending)
{
    do {
        while (tell(s, from, from + 20, "")->status == 202) {
            from += 20;
            ck_assert_int_le(from, 1000);
        }
    } while (figure(s, "waiting") < UNDER_WAY + max_pending);
    return from;
}

/* The number that a request was made for. */
static int number_of(struct backend *b, int request)
{
    return atoi(strchr(backend_head(b, request), '/') + 1);
}

/* Behind so many requests each number below count was asked for, once. */
static void expect_each(struct backend *b, int first, int count)
{
    bool *seen = keep(calloc((size_t)count, sizeof(*seen)), free);

    backend_await(b, first + count);
    for (int i = first; i < backend_count(b); i++) {
        int n = number_of(b, i);

        ck_assert_int_lt(n, count);
        ck_assert_msg(!seen[n], "%d came twice, the second time as %d of %d",
                      n, i, backend_count(b));
        seen[n] = true;
    }
    ck_assert_int_eq(backend_count(b), first + count);
}

/* ---- a full queue ---- */

START_TEST(a_full_queue_refuses_and_all_that_it_took_is_done)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(
        b, "PushMaxPending 10\n"
           "<PushTrigger hook>\n"
           "PushWhen \"event('type') == 'n'\"\n" NUMBER "</PushTrigger>\n");
    struct answer *a;
    int told = 0;

    backend_hold(b);
    wait_until(figure(s, "child") != 0);
    a = tell(s, told, told + 5, "");
    while (a->status == 202) {
        told += 5;
        ck_assert_int_le(told, 1000);
        a = tell(s, told, told + 5, "");
    }
    http_expect(a, 503,
                "the queue of the trigger hook is full "
                "(PushMaxPending)");
    ck_assert_str_eq(http_header(a, "Retry-After"), "1");
    ck_assert_int_ge(told, 10);
    ck_assert_int_gt(figure(s, "refused"), 0);
    backend_go(b);
    /* It is sent again until it is taken; what was taken is no second one. */
    wait_until(tell(s, told, told + 5, "")->status == 202);
    expect_each(b, 0, told + 5);
    wait_until(figure(s, "waiting") == 0);
    ck_assert_int_eq(
        (int)scrape_value(scrape_take(s, false),
                          "push_trigger_refused_total{trigger=\"hook\"}"),
        figure(s, "refused"));
}
END_TEST

static size_t kept_for_later(const struct server *s)
{
    return json_array_size(
        json_at(http_get(s, "/push/scheduled")->json, "scheduled"));
}

/* It was taken in before; so it is neither lost nor a dead letter. */
START_TEST(a_full_queue_takes_a_next_attempt)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(
        b, "PushMaxPending 3\n"
           "<PushTrigger hook>\n"
           "PushWhen \"event('type') == 'n'\"\n" NUMBER "</PushTrigger>\n");
    int told = 1;

    backend_answer(b, 503, "Retry-After: 3\r\n", "");
    http_expect(tell(s, 0, 1, ""), 202, NULL);
    wait_until(figure(s, "retries") == 1);
    backend_hold(b);
    backend_answer(b, 200, NULL, "");
    told = fill(s, told, 3);
    wait_until(kept_for_later(s) == 0);
    http_expect(tell(s, told, told + 20, ""), 503, "is full");
    backend_go(b);
    wait_until(tell(s, told, told + 20, "")->status == 202);
    backend_await(b, told + 21);
    wait_until(figure(s, "waiting") == 0);
    expect_each(b, 1, told + 20);
    ck_assert_int_eq(figure(s, "dead"), 0);
}
END_TEST

/* Of the server's own nobody can be told. */
START_TEST(own_events_that_a_full_queue_refuses_are_counted_and_logged)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(
        b, "PushMaxPending 1\n"
           "<PushTrigger hook>\n"
           "PushWhen \"event('type') == 'push.message.expired'\"\n"
           "PushPost \"${BACKEND}/%{event:data.audience.user}\" timeout=20s\n"
           "</PushTrigger>\n");
    const char *lines = "";
    int refused;

    server_allow(s, "PUSH0260");
    backend_hold(b);
    wait_until(figure(s, "child") != 0);
    for (int i = 0; i < 400; i++) {
        lines = keep_printf("%s{\"user\":\"%d\",\"ttl\":1,\"text\":\"x\"}\n",
                            lines, i);
    }
    publish_lines(s, lines);
    wait_until(figure(s, "matched") == 400);
    refused = figure(s, "refused");
    ck_assert_int_gt(refused, 0);
    wait_until(stat_of(s, "feeds_dropped") == refused);
    ck_assert_ptr_nonnull(strstr(server_file(s, "logs/error"), "PUSH0260"));
    backend_go(b);
    backend_await(b, 400 - refused);
    wait_until(figure(s, "waiting") == 0);
    ck_assert_int_eq(backend_count(b), 400 - refused);
}
END_TEST

/* ---- coalesce ---- */

START_TEST(events_of_one_key_within_the_delay_are_one_with_the_last_data)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(
        b, "<PushTrigger hook>\n"
           "PushWhen \"event('type') == 'n'\"\n"
           "PushPost \"${BACKEND}/%{event:data.n}\"\n"
           "PushCoalesce \"%{event:data.trip}\" delay=1s\n"
           "</PushTrigger>\n");
    int64_t told = wait_now();

    for (int i = 0; i < 5; i++) {
        http_expect(tell(s, i, i + 1, ",\"trip\":7"), 202, NULL);
    }
    http_expect(tell(s, 5, 6, ",\"trip\":8"), 202, NULL);
    /* Without a key each is by itself, and waits as long. */
    http_expect(tell(s, 6, 8, ""), 202, NULL);
    backend_await(b, 4);
    ck_assert_int_ge(wait_now() - told, 1000);
    wait_until(figure(s, "waiting") == 0);
    ck_assert_int_eq(backend_count(b), 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_ge(number_of(b, i), 4);
    }
    /* What was one of them is no new event. */
    http_expect(tell(s, 3, 4, ",\"trip\":7"), 202, NULL);
    http_expect(tell(s, 8, 9, ",\"trip\":7"), 202, NULL);
    backend_await(b, 5);
    ck_assert_int_eq(number_of(b, 4), 8);
}
END_TEST

/* ---- what is given up ---- */

static const json_t *dead_of(const struct server *s)
{
    struct answer *a = http_get(s, "/push/triggers/hook/dead");

    ck_assert_msg(a->status == 200, "%d %s", a->status, a->body);
    return json_at(a->json, "dead");
}

/* Each event is at the backend or among the dead. */
START_TEST(a_backend_that_is_down_for_longer_than_the_age_leaves_dead_letters)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(
        b, "<PushTrigger hook>\n"
           "PushWhen \"event('type') == 'n'\"\n" NUMBER
           "PushRetry attempts=100 age=3s\n"
           "</PushTrigger>\n");
    int64_t told = wait_now();
    struct answer *a;

    server_allow(s, "PUSH0241");
    backend_answer(b, 200, NULL, "");
    backend_down(b);
    http_expect(tell(s, 0, 20, ""), 202, NULL);
    wait_until(figure(s, "dead") == 20);
    ck_assert_int_ge(wait_now() - told, 1000);
    ck_assert_int_ge(figure(s, "retries"), 20);
    ck_assert_uint_eq(json_array_size(dead_of(s)), 20);
    backend_up(b);
    a = http_do(s, "POST", "/push/triggers/hook/retry", "Push-Client: t/1\r\n",
                "");
    ck_assert_int_eq(json_int_at(a->json, "queued"), 20);
    expect_each(b, 0, 20);
    ck_assert_uint_eq(json_array_size(dead_of(s)), 0);
}
END_TEST

/* PushRate lets a few begin; the time of the others is over before. */
START_TEST(what_waits_for_longer_than_its_age_is_a_dead_letter_too)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(
        b, "<PushTrigger hook>\n"
           "PushWhen \"event('type') == 'n'\"\n" NUMBER "PushRate 2\n"
           "PushRetry age=2s\n"
           "</PushTrigger>\n");
    int64_t told = wait_now();
    int dead, lasted;

    server_allow(s, "PUSH0241");
    http_expect(tell(s, 0, 30, ""), 202, NULL);
    wait_until(figure(s, "dead") > 0);
    wait_until(figure(s, "waiting") == 0);
    dead = figure(s, "dead");
    lasted = (int)(wait_now() - told);
    ck_assert_int_gt(dead, 0);
    ck_assert_int_eq(dead + backend_count(b), 30);
    ck_assert_int_ge(backend_count(b), 2);
    ck_assert_int_le(backend_count(b), 2 + 2 * (lasted + 1000) / 1000);
    ck_assert_str_eq(json_text_at(dead_of(s), "0.event.pusherror"),
                     "its time (PushRetry age=) was over before it was asked "
                     "for");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trigger_queue");
    TCase *tc = case_add(suite, "full", 60);

    tcase_add_test(tc, a_full_queue_refuses_and_all_that_it_took_is_done);
    tcase_add_test(tc, a_full_queue_takes_a_next_attempt);
    tcase_add_test(
        tc, own_events_that_a_full_queue_refuses_are_counted_and_logged);
    tc = case_add(suite, "coalesce", 60);
    tcase_add_test(
        tc, events_of_one_key_within_the_delay_are_one_with_the_last_data);
    tc = case_add(suite, "dead", 60);
    tcase_add_test(
        tc,
        a_backend_that_is_down_for_longer_than_the_age_leaves_dead_letters);
    tcase_add_test(tc,
                   what_waits_for_longer_than_its_age_is_a_dead_letter_too);
    return case_run(suite);
}
