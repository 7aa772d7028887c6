/*
 * Triggers in a cluster: a queue is had by one node of all, its next attempts
 * are kept for later, and when the node is killed another one goes on.  What is
 * too much for the queue is refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define EVENTS                                                                \
    "Content-Type: application/cloudevents+json\r\nPush-Client: test/1\r\n"

static const char pull[] =
    "<PushTrigger trip>\n"
    "PushWhen \"event('type') == 'trip.accepted'\"\n"
    "PushTo user \"%{event:data.rider}\"\n"
    "PushPull \"${BACKEND}/trips/%{event:data.trip}\" timeout=5s\n"
    "PushMessage urgency=high ttl=60 event=trip.state\n"
    "PushRetry attempts=8 age=60s\n"
    "</PushTrigger>\n";

static struct cluster *start(struct backend *b, const char *sections)
{
    return cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {
            .global = keep_printf("Define BACKEND http://127.0.0.1:%d\n%s",
                                  b->port, sections)}});
}

static void tell(const struct server *s, const char *id)
{
    struct answer *a = http_do(
        s, "POST", "/push/events", EVENTS,
        keep_printf("{\"specversion\":\"1.0\",\"type\":\"trip.accepted\","
                    "\"source\":\"/test\",\"id\":\"%s\","
                    "\"data\":{\"rider\":\"ada\",\"trip\":\"%s\"}}",
                    id, id));

    ck_assert_msg(a->status == 202, "%d %s", a->status, a->body);
}

/* The node that made the last request. */
static int owner_of(const struct cluster *c)
{
    int owner = -1;

    wait_until(
        (owner = trigger_figure(c->nodes[0], 0, "requests.5xx") > 0 ? 0 : 1)
            == 0
        || trigger_figure(c->nodes[1], 0, "requests.5xx") > 0);
    return owner;
}

START_TEST(an_attempt_that_failed_is_repeated_by_the_node_that_has_the_queue)
{
    struct backend *b = backend_start();
    struct cluster *c = start(b, pull);
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                    NULL);

    backend_answer(b, 503, "Retry-After: 1\r\n", "");
    tell(c->nodes[0], "1");
    backend_await(b, 1);
    wait_until(trigger_figure(c->nodes[owner_of(c)], 0, "retries") == 1);
    backend_answer_path(b);
    expect_message(st, 1, "1");
    /* The same event at another node is no other one. */
    tell(c->nodes[1], "1");
    tell(c->nodes[1], "2");
    expect_message(st, 2, "2");
    ck_assert_int_eq(backend_count(b), 3);
    ck_assert_int_eq(
        (int)json_array_size(json_at(
            http_get(c->nodes[1], "/push/scheduled")->json, "scheduled")),
        0);
}
END_TEST

START_TEST(
    when_the_node_is_killed_another_one_goes_on_without_a_second_message)
{
    struct backend *b = backend_start();
    struct cluster *c = start(b, pull);
    struct server *other;
    struct stream *st;
    int owner;

    backend_answer(b, 503, "Retry-After: 2\r\n", "");
    tell(c->nodes[0], "1");
    tell(c->nodes[1], "2");
    backend_await(b, 2);
    owner = owner_of(c);
    other = c->nodes[1 - owner];
    wait_until(trigger_figure(c->nodes[owner], 0, "retries") == 2);
    st = stream_open(other, "user=ada&device=d&seq=0", NULL);
    /* It is in the middle of a third one. */
    backend_hold(b);
    tell(other, "3");
    backend_await(b, 3);
    cluster_kill(c->nodes[owner]);
    server_allow(other, "PUSH02");
    backend_answer_path(b);
    backend_go(b);
    for (int seen = 0; seen != 7;) {
        int bit = 1 << (atoi(stream_next(st)->data) - 1);

        ck_assert_msg(!(seen & bit), "%d came twice", bit);
        seen |= bit;
    }
    ck_assert_ptr_null(stream_next_in(st, 500));
    ck_assert_int_eq(trigger_figure(other, 0, "dead"), 0);
}
END_TEST

/* ---- a full queue ---- */

#define PENDING 40
#define LOT     20
#define MOST    1000 /* numbers that a test has */

static const char hook[] =
    "PushMaxPending 40\n"
    "<PushTrigger hook>\n"
    "PushWhen \"event('type') == 'n'\"\n"
    "PushPost \"${BACKEND}/%{event:data.n}\" timeout=30s\n"
    "PushRetry attempts=20 age=120s\n"
    "</PushTrigger>\n";

static struct answer *tell_lot(const struct server *s, int from)
{
    const char *batch = "[";

    for (int i = from; i < from + LOT; i++) {
        batch = keep_printf("%s%s{\"specversion\":\"1.0\",\"type\":\"n\","
                            "\"source\":\"/test\",\"id\":\"%d\",\"data\":"
                            "{\"n\":%d}}",
                            batch, i > from ? "," : "", i, i);
    }
    return http_do(s, "POST", "/push/events",
                   "Content-Type: application/cloudevents-batch+json\r\n"
                   "Push-Client: test/1\r\n",
                   keep_printf("%s]", batch));
}

/* From this number on, until it has no room; how many it has been told. */
static int tell_until_full(const struct server *s, int told)
{
    int from = told;
    struct answer *a = tell_lot(s, told);

    while (a->status == 202) {
        told += LOT;
        ck_assert_int_lt(told, from + 600);
        a = tell_lot(s, told);
    }
    http_expect(a, 503, "the queue of the trigger hook is full");
    ck_assert_str_eq(http_header(a, "Retry-After"), "1");
    ck_assert_int_ge(told - from, PENDING);
    return told;
}

/* How often each number was asked for, once all of them were. */
static void await_each(struct backend *b, int count, int times[MOST])
{
    int asked = 0, missing = count;

    memset(times, 0, MOST * sizeof(*times));
    while (missing > 0) {
        int n;

        backend_await(b, asked + 1);
        n = atoi(strchr(backend_head(b, asked++), '/') + 1);
        ck_assert_int_lt(n, MOST);
        missing -= n < count && times[n]++ == 0;
    }
}

/* The second time what was done must have made room. */
START_TEST(a_full_queue_refuses_and_loses_nothing_when_its_node_is_killed)
{
    struct backend *b = backend_start();
    struct cluster *c = start(b, hook);
    int times[MOST];
    int owner = -1, told;

    wait_until((owner = trigger_figure(c->nodes[0], 0, "child")   ? 0
                        : trigger_figure(c->nodes[1], 0, "child") ? 1
                                                                  : -1)
               >= 0);
    backend_answer(b, 200, NULL, "");
    backend_hold(b);
    told = tell_until_full(c->nodes[1 - owner], 0);
    backend_go(b);
    /* It is sent again until it is taken; what was taken is no second one. */
    wait_until(tell_lot(c->nodes[owner], told)->status == 202);
    told += LOT;
    await_each(b, told, times);
    wait_until(trigger_figure(c->nodes[owner], 0, "waiting") == 0);
    ck_assert_int_eq(backend_count(b), told);
    backend_hold(b);
    told = tell_until_full(c->nodes[1 - owner], told);
    cluster_kill(c->nodes[owner]);
    server_allow(c->nodes[1 - owner], "PUSH02");
    backend_go(b);
    await_each(b, told, times);
    wait_until(tell_lot(c->nodes[1 - owner], told)->status == 202);
    await_each(b, told + LOT, times);
    ck_assert_int_eq(trigger_figure(c->nodes[1 - owner], 0, "dead"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster triggers");
    TCase *tc = case_add(suite, "triggers", 90);

    tcase_add_test(
        tc, an_attempt_that_failed_is_repeated_by_the_node_that_has_the_queue);
    tcase_add_test(
        tc,
        when_the_node_is_killed_another_one_goes_on_without_a_second_message);
    tc = case_add(suite, "full", 90);
    tcase_add_test(
        tc, a_full_queue_refuses_and_loses_nothing_when_its_node_is_killed);
    return case_run(suite);
}
