/*
 * What administrators see of a cluster, and how soon a message is there.
 */
#include <check.h>
#include <string.h>

#include "balancer.h"
#include "case.h"
#include "cluster.h"
#include "keep.h"
#include "verbs.h"

static struct cluster *two_nodes(void)
{
    return cluster_start(&(struct cluster_options){.nodes = 2});
}

/* Wakes are lost without a fault: then each takes a second. */
#define SOON_MS 500
#define ROUNDS  40

static int64_t median_of(int64_t *times, int count)
{
    for (int i = 1; i < count; i++) {
        for (int j = i; j > 0 && times[j] < times[j - 1]; j--) {
            int64_t swap = times[j];

            times[j] = times[j - 1];
            times[j - 1] = swap;
        }
    }
    return times[count / 2];
}

START_TEST(a_message_is_at_another_node_at_once)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=a&device=d", NULL);
    int64_t times[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        int64_t start = wait_now();

        publish(c->nodes[1], "user=a", NULL, "x");
        expect_message(st, i + 1, "x");
        times[i] = wait_now() - start;
    }
    ck_assert_int_lt(median_of(times, ROUNDS), SOON_MS);
}
END_TEST

START_TEST(a_message_with_ttl_0_reaches_who_is_there)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=a&device=d", NULL);

    for (int i = 0; i < ROUNDS; i++) {
        publish(c->nodes[i % 2], "user=a", "TTL: 0\r\n", "x");
        expect_message(st, i + 1, "x");
    }
}
END_TEST

/* The node of this url in the answer of another; NULL: it is not known. */
static const json_t *node_at(const json_t *cluster, int port)
{
    const json_t *nodes = json_at(cluster, "nodes");
    const char *url = keep_printf("http://127.0.0.1:%d/push", port);

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);

        if (strcmp(json_text_at(node, "url"), url) == 0) {
            return node;
        }
    }
    return NULL;
}

static const json_t *cluster_of(const struct server *s)
{
    struct answer *a = http_get(s, "/push/cluster");

    http_expect(a, 200, NULL);
    return a->json;
}

/* What a node says of another one's streams; -1: it does not know it. */
static int streams_of(const struct server *s, const struct server *other)
{
    const json_t *node = node_at(cluster_of(s), other->port);

    return node != NULL ? (int)json_int_at(node, "streams") : -1;
}

START_TEST(each_node_lists_all_of_them_with_what_they_carry)
{
    struct cluster *c = two_nodes();
    const json_t *seen;

    stream_open(c->nodes[1], "user=a&device=d", NULL);
    stream_open(c->nodes[1], "user=b&device=d", NULL);
    wait_until(streams_of(c->nodes[0], c->nodes[1]) == 2);
    wait_until(streams_of(c->nodes[1], c->nodes[0]) == 0);
    seen = cluster_of(c->nodes[0]);
    ck_assert_uint_eq(json_array_size(json_at(seen, "nodes")), 2);
    ck_assert(json_is_true(json_at(node_at(seen, c->nodes[0]->port), "self")));
    ck_assert(
        json_is_false(json_at(node_at(seen, c->nodes[1]->port), "self")));
    ck_assert(json_is_true(json_at(seen, "node.leased")));
    ck_assert_uint_eq(json_array_size(json_at(seen, "masters")), 1);
    ck_assert_int_eq(json_int_at(seen, "masters.0.partitions"), 1024);
    ck_assert_str_eq(json_text_at(seen, "masters.0.address"),
                     keep_printf("127.0.0.1:%d", c->redis->port));
}
END_TEST

static bool metrics_have(const struct server *s, const char *line)
{
    return strstr(http_get(s, "/push/metrics")->body, line) != NULL;
}

START_TEST(metrics_tell_of_a_lease_and_of_each_master)
{
    struct cluster *c = two_nodes();
    const struct server *s = c->nodes[0];

    wait_until(metrics_have(s, "\npush_cluster_nodes 2\n"));
    ck_assert(metrics_have(s, "\npush_cluster_leased 1\n"));
    ck_assert(metrics_have(s, "\npush_cluster_lease_age_seconds "));
    ck_assert(metrics_have(
        s, keep_printf("\npush_cluster_drain_age_seconds{master=\"127.0.0.1:%d"
                       "\"} ",
                       c->redis->port)));
    wait_until(metrics_have(
        s, keep_printf("\npush_cluster_suspect_partitions{master=\"127.0.0.1:"
                       "%d\"} 0\n",
                       c->redis->port)));
}
END_TEST

START_TEST(while_redis_is_away_the_nodes_are_still_listed_and_health_is_red)
{
    struct cluster *c = two_nodes();

    for (int i = 0; i < 2; i++) {
        server_allow(c->nodes[i], "PUSH0203");
        server_allow(c->nodes[i], "PUSH0207");
    }
    wait_until(streams_of(c->nodes[0], c->nodes[1]) == 0);
    redis_kill(c->redis);
    wait_until(http_get(c->nodes[0], "/push/health")->status == 503);
    ck_assert_int_eq(streams_of(c->nodes[0], c->nodes[1]), 0);
    ck_assert_int_eq(http_get(c->nodes[0], "/push/health?live")->status, 200);
    redis_again(c->redis);
    cluster_await_well(c);
}
END_TEST

/* Behind a balancer that gives to each node in turn. */
START_TEST(one_client_behind_a_balancer_needs_no_certain_node)
{
    struct cluster *c = two_nodes();
    struct server *front = balancer_haproxy(c->nodes, 2);
    struct stream *st;
    const struct event *e = NULL;

    wait_until(http_get(front, "/push/health?live")->status == 200);
    st = stream_open(front, "user=a&device=d&seq=0", NULL);
    for (int i = 0; i < 10; i++) {
        publish(front, "user=a", NULL, "x");
        e = stream_next(st);
        ck_assert_int_eq(e->seq, i + 1);
    }
    acknowledge(front, "user=a&device=d&seq=10");
    publish(front, "user=a", NULL, "y");
    stream_close(st);
    for (int i = 0; i < 4; i++) {
        st = stream_open(front, "user=a&device=d&seq=10", NULL);
        expect_message(st, 11, "y");
        stream_close(st);
    }
}
END_TEST

/* ---- views of all nodes ---- */

/* Two devices of two users, one at each node, that follow one channel; the
 * nodes' numbers. */
struct pair {
    struct cluster *c;
    struct stream *streams[2];
    int numbers[2];
};

static struct pair pair_of(void)
{
    struct pair p = {.c = cluster_start(&(struct cluster_options){
                         .nodes = 2,
                         .node = {.global = "PushPresence on\n",
                                  .receive = "PushUser query:user\n"
                                             "PushChannels *\n"}})};

    for (int i = 0; i < 2; i++) {
        p.numbers[i] = (int)json_int_at(cluster_of(p.c->nodes[i]), "node.id");
        p.streams[i] = stream_open(
            p.c->nodes[i],
            keep_printf("user=u%d&device=d&seq=0&channel=both&channel=own%d",
                        i, i),
            NULL);
    }
    for (int i = 0; i < 2; i++) {
        wait_until(streams_of(p.c->nodes[i], p.c->nodes[1 - i]) == 1);
    }
    return p;
}

static bool has_silent(const struct answer *a)
{
    http_expect(a, 200, NULL);
    return json_array_size(json_at(a->json, "nodes.silent")) > 0;
}

/* What a node answers to this when the other one has answered in time. */
static const json_t *of_all(const struct server *s, const char *path)
{
    struct answer *a;

    wait_until(!has_silent(a = http_get(s, path)));
    ck_assert_uint_eq(json_array_size(json_at(a->json, "nodes.answered")), 2);
    return a->json;
}

/* The same of one node. */
static const json_t *of_one(const struct server *s, int node)
{
    const char *path = keep_printf("/push/stats?node=%d", node);
    struct answer *a;

    wait_until((a = http_get(s, path))->status == 200);
    return a->json;
}

static void expect_channel(const json_t *list, int at, const char *name,
                           int followers, int messages)
{
    const json_t *channel = json_array_get(json_at(list, "channels"),
                                           (size_t)at);

    ck_assert_str_eq(json_text_at(channel, "channel"), name);
    ck_assert_int_eq(json_int_at(channel, "subscribers"), followers);
    ck_assert_int_eq(json_int_at(channel, "connected"), followers);
    ck_assert_int_eq(json_int_at(channel, "messages"), messages);
}

/* A figure of all rows of a report. */
static json_int_t sum_of(const json_t *report, const char *figure)
{
    const json_t *rows = json_at(report, "rows");
    json_int_t sum = 0;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        sum += json_int_at(json_array_get(rows, i), figure);
    }
    return sum;
}

START_TEST(each_node_adds_up_the_figures_of_all)
{
    struct pair p = pair_of();
    json_int_t before = stat_of(p.c->nodes[0], "published");
    struct answer *a;

    publish(p.c->nodes[0], "user=u0", NULL, "x");
    publish(p.c->nodes[0], "user=u1", NULL, "x");
    publish(p.c->nodes[1], "user=u1", NULL, "x");
    expect_message(p.streams[0], 1, "x");
    expect_message(p.streams[1], 1, "x");
    expect_message(p.streams[1], 2, "x");
    for (int i = 0; i < 2; i++) {
        const struct server *s = p.c->nodes[i];
        const json_t *all = of_all(s, "/push/stats"), *one;

        ck_assert_int_eq(json_int_at(all, "streams"), 2);
        wait_until(stat_of(s, "devices") == 2); /* probes are over */
        ck_assert_int_eq(json_int_at(all, "published"), before + 3);
        ck_assert_str_eq(json_text_at(all, "state.disk"), "ok");
        a = http_get(s, "/push/stats?node=self");
        ck_assert_int_eq(json_int_at(a->json, "streams"), 1);
        ck_assert_int_eq(json_int_at(a->json, "nodes.answered.0"),
                         p.numbers[i]);
        before -= json_int_at(a->json, "published");
        one = of_one(s, p.numbers[1 - i]);
        ck_assert_int_eq(json_int_at(one, "nodes.answered.0"),
                         p.numbers[1 - i]);
        before -= json_int_at(one, "published");
        ck_assert_int_eq(before, -3);
        before = json_int_at(all, "published") - 3;
    }
    http_expect(http_get(p.c->nodes[0], "/push/stats?node=63"), 404, "node");
    http_expect(http_get(p.c->nodes[0], "/push/stats?node=64"), 400, "node");
    http_expect(http_get(p.c->nodes[0], "/push/streams?node=a"), 400, "node");
    ck_assert_int_eq(sum_of(of_all(p.c->nodes[0], "/push/reports?by=total"),
                            "published"),
                     before + 3);
    a = http_get(p.c->nodes[0], "/push/reports?node=self");
    ck_assert_int_lt(sum_of(a->json, "published"), before + 3);
}
END_TEST

START_TEST(each_node_lists_the_streams_and_channels_of_all)
{
    struct pair p = pair_of();

    publish(p.c->nodes[0], "channel=both", NULL, "x");
    publish(p.c->nodes[1], "channel=own0", NULL, "x");
    for (int i = 0; i < 2; i++) {
        const struct server *s = p.c->nodes[i];
        const json_t *list = of_all(s, "/push/streams");
        const json_t *streams = json_at(list, "streams");

        ck_assert_uint_eq(json_array_size(streams), 2);
        ck_assert(json_is_false(json_at(list, "more")));
        for (int j = 0; j < 2; j++) {
            const json_t *stream = json_array_get(streams, (size_t)j);
            int who = json_text_at(stream, "user")[1] - '0';

            ck_assert_int_eq(json_int_at(stream, "node"), p.numbers[who]);
        }
        list = of_all(s, "/push/streams?limit=1");
        ck_assert_uint_eq(json_array_size(json_at(list, "streams")), 1);
        ck_assert(json_is_true(json_at(list, "more")));
        wait_until(
            json_int_at(of_all(s, "/push/channels"), "channels.0.messages")
                == 1
            && json_int_at(of_all(s, "/push/channels"), "channels.1.messages")
                   == 1);
        list = of_all(s, "/push/channels");
        ck_assert_uint_eq(json_array_size(json_at(list, "channels")), 3);
        expect_channel(list, 0, "both", 2, 1);
        expect_channel(list, 1, "own0", 1, 1);
        expect_channel(list, 2, "own1", 1, 0);
        ck_assert(json_is_false(json_at(list, "more")));
        list = of_all(s, "/push/channels?sort=connected&limit=1");
        expect_channel(list, 0, "both", 2, 1);
        ck_assert(json_is_true(json_at(list, "more")));
        list = of_all(s, "/push/channels?prefix=own&limit=1");
        expect_channel(list, 0, "own0", 1, 1);
        ck_assert(json_is_true(json_at(list, "more")));
        list = of_all(s, "/ramen/presence?user=u0&channel=both");
        ck_assert_int_eq(json_int_at(list, "count"), 2);
        ck_assert_uint_eq(json_array_size(json_at(list, "users")), 2);
    }
}
END_TEST

START_TEST(a_node_that_is_silent_is_named)
{
    struct pair p = pair_of();
    const struct server *s = p.c->nodes[0];
    const char *paths[] = {"/push/stats", "/push/streams", "/push/channels",
                           "/push/reports"};
    struct answer *a;

    server_allow(p.c->nodes[1], "PUSH02");
    cluster_pause(p.c->nodes[1]);
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        a = http_get(s, paths[i]);
        http_expect(a, 200, NULL);
        ck_assert_int_eq(json_int_at(a->json, "nodes.answered.0"),
                         p.numbers[0]);
        ck_assert_int_eq(json_int_at(a->json, "nodes.silent.0"), p.numbers[1]);
    }
    a = http_get(s, "/push/reports?format=csv");
    ck_assert_str_eq(http_header(a, "Push-Silent-Nodes"),
                     keep_printf("%d", p.numbers[1]));
    http_expect(http_get(s,
                         keep_printf("/push/streams?node=%d", p.numbers[1])),
                503, NULL);
    cluster_continue(p.c->nodes[1]);
    wait_until(stat_of(s, "streams") == 2);
}
END_TEST

/* ---- $stats ---- */

#define STATS_EVERY_MS 1000
#define ANSWER_MS      500 /* for which other nodes are waited for */
#define READINGS       5

static const json_t *reading_of(struct stream *feed)
{
    const struct event *e = stream_next(feed);

    ck_assert_str_eq(e->type, "stats");
    return json_keep(json_loads(e->data, 0, NULL));
}

/* The next reading of so many nodes, all of which have answered in time. */
static const json_t *whole_reading_of(struct stream *feed, size_t nodes)
{
    const json_t *reading;

    do {
        reading = reading_of(feed);
    } while (json_array_size(json_at(reading, "nodes.answered")) != nodes
             || json_array_size(json_at(reading, "nodes.silent")) > 0);
    return reading;
}

START_TEST(stats_are_said_once_a_second_by_one_node_for_all)
{
    struct cluster *c = two_nodes();
    struct stream *feeds[2];
    json_int_t first, last;
    const json_t *reading;
    int victim;

    for (int i = 0; i < 2; i++) {
        feeds[i] = follow_open(
            c->nodes[i], keep_printf("device=d%d&seq=0&channel=$stats", i),
            NULL);
    }
    do {
        reading = whole_reading_of(feeds[0], 2);
    } while (json_int_at(reading, "streams") != 2);
    ck_assert_uint_eq(json_array_size(json_at(reading, "children")), 4);
    first = last = json_int_at(reading, "time");
    for (int i = 0; i < READINGS; i++) {
        json_int_t time = json_int_at(reading_of(feeds[0]), "time");

        ck_assert_int_gt(time, last);
        last = time;
    }
    /* Two nodes would say twice as many; one may be late by an answer. */
    ck_assert_int_ge(last - first, READINGS * STATS_EVERY_MS - ANSWER_MS);
    reading = whole_reading_of(feeds[0], 2);
    ck_assert_int_ge(json_int_at(reading, "write_latency.low.17"), 1);
    /* Whoever says it dies: the other one goes on, of itself alone. */
    victim = (int)json_int_at(json_at(reading, "nodes.answered"), "0");
    victim = json_int_at(cluster_of(c->nodes[0]), "node.id") == victim ? 0 : 1;
    server_allow(c->nodes[1 - victim], "PUSH02");
    cluster_kill(c->nodes[victim]);
    reading = whole_reading_of(feeds[1 - victim], 1);
    ck_assert_int_eq(json_int_at(reading, "streams"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_view");
    TCase *tc = case_add(suite, "cluster_view", 60);

    tcase_add_test(tc, a_message_is_at_another_node_at_once);
    tcase_add_test(tc, a_message_with_ttl_0_reaches_who_is_there);
    tcase_add_test(tc, each_node_lists_all_of_them_with_what_they_carry);
    tcase_add_test(tc, metrics_tell_of_a_lease_and_of_each_master);
    tcase_add_test(
        tc, while_redis_is_away_the_nodes_are_still_listed_and_health_is_red);
    tcase_add_test(tc, one_client_behind_a_balancer_needs_no_certain_node);
    tcase_add_test(tc, each_node_adds_up_the_figures_of_all);
    tcase_add_test(tc, each_node_lists_the_streams_and_channels_of_all);
    tcase_add_test(tc, a_node_that_is_silent_is_named);
    tcase_add_test(tc, stats_are_said_once_a_second_by_one_node_for_all);
    return case_run(suite);
}
