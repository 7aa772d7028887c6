/*
 * Triggers in a cluster: a queue is had by one node of all, its next attempts
 * are kept for later, and when the node is killed another one goes on.
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

static struct cluster *start(struct backend *b)
{
    return cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {
            .global = keep_printf("Define BACKEND http://127.0.0.1:%d\n%s",
                                  b->port, pull)}});
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
    struct cluster *c = start(b);
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
    struct cluster *c = start(b);
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

int main(void)
{
    Suite *suite = suite_create("cluster triggers");
    TCase *tc = case_add(suite, "triggers", 90);

    tcase_add_test(
        tc, an_attempt_that_failed_is_repeated_by_the_node_that_has_the_queue);
    tcase_add_test(
        tc,
        when_the_node_is_killed_another_one_goes_on_without_a_second_message);
    return case_run(suite);
}
