/*
 * A child that has the link of its node and stands still: another one goes on,
 * and the first one finds that out when it does.  And a whole node that did.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "keep.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* Three seconds without a beat, and the turns of those who look. */
#define TAKEN_MS 5000

/* What is published at a time; and how often, while a child stands still. */
#define BURST  40
#define BURSTS 5

/* The child that hears the wakes of the node; 0: none does. */
static pid_t link_of(const struct cluster *c, const struct server *node)
{
    const char *at = redis_call(c->redis, "CLIENT LIST TYPE pubsub")->str;
    int port;

    at = strstr(at, " addr=127.0.0.1:");
    while (at != NULL) {
        pid_t child = sscanf(at, " addr=127.0.0.1:%d", &port) == 1
                          ? server_child_at(node, port, c->redis->port)
                          : 0;

        if (child != 0) {
            return child;
        }
        at = strstr(at + 1, " addr=127.0.0.1:");
    }
    return 0;
}

static pid_t await_link(const struct cluster *c, const struct server *node)
{
    pid_t link = 0;

    wait_until((link = link_of(c, node)) != 0);
    return link;
}

/* A stream in a child other than this one. */
static struct stream *open_elsewhere(const struct server *node, pid_t pid,
                                     const char *user)
{
    struct wire *w = wire_to_another_child(node, pid);
    const char *request = keep_printf(
        "GET /ramen/receive?user=%s&device=d&seq=0 HTTP/1.1\r\n"
        "Host: localhost\r\n\r\n",
        user);
    struct stream *st;

    wire_send(w, request, strlen(request));
    st = stream_begin(w, http_head(w, wait_now() + WAIT_MS));
    ck_assert_int_eq(st->status, 200);
    return st;
}

struct scene {
    struct cluster *c;
    struct server *node;
    pid_t link;        /* the child that has it */
    struct stream *at; /* a stream there, */
    struct stream *by; /* and one of the other child */
    int said, at_heard, by_heard;
};

static struct scene begin(void)
{
    struct scene s = {
        .c = cluster_start(&(struct cluster_options){.nodes = 2})};
    pid_t other;

    s.node = s.c->nodes[1];
    server_allow(s.node, "PUSH0216");
    server_allow(s.node, "PUSH0217");
    s.link = await_link(s.c, s.node);
    s.by = open_elsewhere(s.node, s.link, "bob");
    other = holder_of(s.node, s.by);
    s.at = open_elsewhere(s.node, other, "ada");
    ck_assert_int_eq(holder_of(s.node, s.at), s.link);
    return s;
}

static void say(struct scene *s, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        s->said++;
        publish(s->c->nodes[0], "broadcast=1", NULL,
                keep_printf("%d", s->said));
    }
}

/* Each once, in order: the numbers of a stream and those that were said. */
static void hear(const struct scene *s, struct stream *st, int *heard)
{
    while (*heard < s->said) {
        *heard += 1;
        expect_message(st, *heard, keep_printf("%d", *heard));
    }
}

START_TEST(a_child_that_stands_still_loses_the_link_and_no_message)
{
    struct scene s = begin();
    int64_t stopped;

    say(&s, 3);
    hear(&s, s.at, &s.at_heard);
    hear(&s, s.by, &s.by_heard);
    /* With a lock of a shard it would hold up that shard, see test_crash. */
    wait_until(server_is_quiet(s.node));
    ck_assert_int_eq(kill(s.link, SIGSTOP), 0);
    stopped = wait_now();
    say(&s, 1);
    hear(&s, s.by, &s.by_heard);
    ck_assert_int_le(wait_now() - stopped, TAKEN_MS);
    ck_assert_int_ge(serverlog_count(s.node, "PUSH0216"), 1);
    /* Degraded, as streams of that child are silent; but it serves. */
    ck_assert_int_eq(http_get(s.node, "/push/health")->status, 200);
    say(&s, BURST);
    hear(&s, s.by, &s.by_heard);
    ck_assert_int_eq(kill(s.link, SIGCONT), 0);
    hear(&s, s.at, &s.at_heard);
    wait_until(serverlog_count(s.node, "PUSH0217") > 0);
    say(&s, BURST);
    hear(&s, s.at, &s.at_heard);
    hear(&s, s.by, &s.by_heard);
    ck_assert_int_eq(serverlog_count(s.node, "PUSH0202"), 0);
}
END_TEST

/* At any moment of its work, and back again. */
START_TEST(whenever_it_stands_still_each_message_comes_once)
{
    struct scene s = begin();
    int i;

    for (i = 0; i < BURSTS; i++) {
        pid_t link = await_link(s.c, s.node);
        int taken = serverlog_count(s.node, "PUSH0216");
        int known = serverlog_count(s.node, "PUSH0217");

        say(&s, BURST);
        ck_assert_int_eq(kill(link, SIGSTOP), 0);
        say(&s, BURST);
        wait_until(serverlog_count(s.node, "PUSH0216") > taken);
        ck_assert_int_eq(kill(link, SIGCONT), 0);
        wait_until(serverlog_count(s.node, "PUSH0217") > known);
        hear(&s, s.at, &s.at_heard);
        hear(&s, s.by, &s.by_heard);
    }
    cluster_await_well(s.c);
    ck_assert_int_eq(
        json_int_at(http_get(s.node, "/push/check")->json, "wrong"), 0);
}
END_TEST

/* It came while neither the node nor anybody else could say that its device was
 * another node's: it is no older stream that would have to stay away. */
START_TEST(who_came_to_a_node_that_was_overruled_comes_again)
{
    enum { DOUBTFUL_MS = 3000 };
    static const char query[] = "user=ada&device=d1&seq=0";
    const struct cluster_options options = {.nodes = 2};
    struct cluster *c = cluster_start(&options);
    struct stream *two, *three;
    int64_t paused;

    server_allow(c->nodes[0], "PUSH");
    server_allow(c->nodes[1], "PUSH");
    stream_open(c->nodes[0], query, NULL);
    cluster_pause(c->nodes[0]);
    paused = wait_now();
    two = stream_open(c->nodes[1], query, NULL);
    wait_until(wait_now() - paused >= DOUBTFUL_MS);
    redis_pause(c->redis);
    cluster_continue(c->nodes[0]);
    three = stream_open(c->nodes[0], query, NULL);
    redis_continue(c->redis);
    stream_expect_bye(three, "restart");
    cluster_await_well(c);
    three = stream_open(c->nodes[0], query, NULL);
    stream_expect_bye(two, "superseded");
    publish(c->nodes[1], "user=ada", NULL, "for ada");
    ck_assert_str_eq(stream_next(three)->data, "for ada");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_still");
    TCase *tc = case_add(suite, "still", 120);

    tcase_add_test(tc,
                   a_child_that_stands_still_loses_the_link_and_no_message);
    tcase_add_test(tc, whenever_it_stands_still_each_message_comes_once);
    tcase_add_test(tc, who_came_to_a_node_that_was_overruled_comes_again);
    return case_run(suite);
}
