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
    return case_run(suite);
}
