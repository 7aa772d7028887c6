/*
 * Nodes of a cluster on one Redis: what is published at one is received at
 * another, and what the whole cluster agrees on.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "keep.h"
#include "verbs.h"

static struct cluster *two_nodes(void)
{
    return cluster_start(&(struct cluster_options){.nodes = 2});
}

START_TEST(what_is_published_at_one_node_is_received_at_another)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);

    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    publish(c->nodes[1], "user=anna", NULL, "two");
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(a_device_that_comes_later_finds_what_waits_for_it)
{
    struct cluster *c = two_nodes();
    struct stream *st;

    publish(c->nodes[0], "user=anna", NULL, "one");
    publish(c->nodes[1], "user=anna", NULL, "two");
    st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    expect_message(st, 1, "one");
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(a_channel_and_the_broadcast_reach_all_nodes)
{
    struct cluster *c = two_nodes();
    struct stream *a = stream_open(c->nodes[0], "user=a&channel=news", NULL);
    struct stream *b = stream_open(c->nodes[1], "user=b&channel=news", NULL);

    publish(c->nodes[0], "channel=news", NULL, "one");
    expect_message(a, 1, "one");
    expect_message(b, 1, "one");
    publish(c->nodes[1], "broadcast=1", NULL, "two");
    expect_message(a, 2, "two");
    expect_message(b, 2, "two");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_node");
    TCase *tc = case_add(suite, "cluster_node", 60);

    tcase_add_test(tc, what_is_published_at_one_node_is_received_at_another);
    tcase_add_test(tc, a_device_that_comes_later_finds_what_waits_for_it);
    tcase_add_test(tc, a_channel_and_the_broadcast_reach_all_nodes);
    return case_run(suite);
}
