/*
 * A node that Redis does not answer: it sends its streams away where another
 * node is better off, and keeps them where none is.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "keep.h"
#include "serverlog.h"
#include "verbs.h"
#include "wait.h"

/* Two nodes that lose patience after a second, each with a cable. */
static struct cluster *two_nodes(const char *patience)
{
    static const char *const expected[] = {"PUSH0202", "PUSH0203", "PUSH0204",
                                           "PUSH0207", "PUSH0212", "PUSH0214"};
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2,
        .cables = true,
        .node = {
            .global = keep_printf("PushClusterPatience %s\n", patience)}});

    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        server_allow(c->nodes[0], expected[i]);
        server_allow(c->nodes[1], expected[i]);
    }
    wait_until(json_array_size(json_at(
                   http_get(c->nodes[0], "/push/cluster")->json, "nodes"))
               == 2);
    return c;
}

/* The streams of both children. */
START_TEST(a_node_that_is_cut_off_sends_its_streams_to_one_that_is_not)
{
    enum { STREAMS = 12 };
    struct cluster *c = two_nodes("1s");
    struct stream *st[STREAMS], *other;

    other = stream_open(c->nodes[1], "user=bert&device=d", NULL);
    for (int i = 0; i < STREAMS; i++) {
        st[i] = stream_open(c->nodes[0], keep_printf("user=u%d&device=d", i),
                            NULL);
    }
    publish(c->nodes[1], "user=u0", NULL, "one");
    expect_message(st[0], 1, "one");
    cable_cut(c->cables[0]);
    for (int i = 0; i < STREAMS; i++) {
        stream_expect_bye(st[i], "restart");
    }
    ck_assert_int_eq(serverlog_count(c->nodes[0], "PUSH0212"), 1);
    publish(c->nodes[1], "user=u0", NULL, "two");
    st[0] = stream_open(c->nodes[1], "user=u0&device=d&seq=0", NULL);
    while (strcmp(stream_next(st[0])->data, "two") != 0) {
    }
    publish(c->nodes[1], "user=bert", NULL, "stays");
    expect_message(other, 1, "stays");
    cable_mend(c->cables[0]);
    cluster_await_well(c);
    st[1] = stream_open(c->nodes[0], "user=u1&device=d&seq=0", NULL);
    publish(c->nodes[1], "user=u1", NULL, "again");
    while (strcmp(stream_next(st[1])->data, "again") != 0) {
    }
}
END_TEST

/* That nothing happens is seen after as long as it takes otherwise. */
static void expect_to_stay(struct cluster *c, struct stream *st)
{
    ck_assert_ptr_null(stream_next_in(st, 12000));
    ck_assert_int_eq(serverlog_count(c->nodes[0], "PUSH0212"), 0);
    cable_mend(c->cables[0]);
    if (c->cables[1]->pid == 0) {
        cable_mend(c->cables[1]);
    }
    cluster_await_well(c);
    wait_until(publish_try(c->nodes[1], "user=anna", NULL, "goes on")->status
               == 201);
    ck_assert_str_eq(stream_next(st)->data, "goes on");
}

START_TEST(where_no_node_is_well_streams_stay)
{
    struct cluster *c = two_nodes("1s");
    struct stream *st = stream_open(c->nodes[0], "user=anna&device=d", NULL);

    cable_cut(c->cables[1]);
    wait_until(!cluster_node_is_well(c->nodes[1]));
    cable_cut(c->cables[0]);
    expect_to_stay(c, st);
}
END_TEST

START_TEST(with_patience_0_streams_stay)
{
    struct cluster *c = two_nodes("0");
    struct stream *st = stream_open(c->nodes[0], "user=anna&device=d", NULL);

    cable_cut(c->cables[0]);
    expect_to_stay(c, st);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster patience");
    TCase *patience = case_add(suite, "patience", 60);

    tcase_add_test(
        patience, a_node_that_is_cut_off_sends_its_streams_to_one_that_is_not);
    tcase_add_test(patience, where_no_node_is_well_streams_stay);
    tcase_add_test(patience, with_patience_0_streams_stay);
    return case_run(suite);
}
