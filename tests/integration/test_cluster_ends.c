/*
 * What a node that ends leaves to the others, what a process leaves that dies
 * while a device moves, and what is said of a device that goes.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* ---- a node ends ---- */

static struct cluster *two_nodes_with_presence(void)
{
    return cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {.receive = "PushUser query:user\nPushChannels * $presence\n",
                 .global = "PushPresence on\n"}});
}

static bool knows_of_follower(const struct server *s)
{
    const json_t *nodes = json_at(http_get(s, "/push/cluster")->json, "nodes");
    const json_t *node;
    size_t i, followed = 0;

    json_array_foreach(nodes, i, node)
    {
        followed += json_array_size(json_object_get(node, "feeds"));
    }
    return followed == 1;
}

/* Followed at the last node alone, and the others know of it. */
static struct stream *follow_presence(struct cluster *c)
{
    struct stream *feed = stream_open(
        c->nodes[c->count - 1],
        "user=operator&device=d&seq=0&channel=%24presence&meta=type", NULL);

    for (int i = 0; i < c->count - 1; i++) {
        wait_until(knows_of_follower(c->nodes[i]));
    }
    return feed;
}

/* What is said next of anybody but who reads it: "ada connected". */
static const char *said_next(struct stream *feed)
{
    for (;;) {
        const json_t *event = json_keep(
            json_loads(stream_next(feed)->data, 0, NULL));
        const char *user = json_text_at(event, "data.user");

        if (user != NULL && strcmp(user, "operator") != 0) {
            return keep_printf("%s %s", user,
                               strrchr(json_text_at(event, "type"), '.') + 1);
        }
    }
}

static unsigned nodes_seen_by(const struct server *s)
{
    return (unsigned)json_array_size(
        json_at(http_get(s, "/push/cluster")->json, "nodes"));
}

static const struct stop_row {
    int signal;
    const char *bye;
} stops[] = {{SIGTERM, "shutdown"}, {SIGWINCH, "restart"}};

START_TEST(a_device_of_a_node_that_is_stopped_goes_on_at_another)
{
    const struct stop_row *row = &stops[_i];
    struct cluster *c = two_nodes_with_presence();
    struct server *node = c->nodes[0], *other = c->nodes[1];
    struct stream *feed = follow_presence(c);
    struct stream *st = stream_open(
        node, "user=ada&device=d&seq=0&ack=explicit", NULL);
    const char *third;

    ck_assert_str_eq(said_next(feed), "ada connected");
    publish(other, "user=ada", NULL, "first");
    publish(other, "user=ada", NULL, "second");
    third = publish(other, "user=ada", NULL, "third");
    expect_message(st, 1, "first");
    expect_message(st, 2, "second");
    expect_message(st, 3, "third");
    acknowledge(node, "user=ada&device=d&seq=2");
    kill(node->pid, row->signal);
    stream_expect_bye(st, row->bye);
    server_rest(node);
    ck_assert_int_eq(serverlog_count(node, "PUSH0213"), 1);
    wait_until(nodes_seen_by(other) == 1);
    st = stream_open(other, "user=ada&device=d&seq=2&ack=explicit", NULL);
    ck_assert_str_eq(stream_next(st)->mid, third);
    publish(other, "user=ada", NULL, "fourth");
    expect_message(st, 4, "fourth");
    /* It was never away, for who asks. */
    stream_open(other, "user=bob&device=d&seq=0", NULL);
    ck_assert_str_eq(said_next(feed), "bob connected");
    leave(other, st);
    ck_assert_str_eq(said_next(feed), "ada disconnected");
}
END_TEST

static struct cluster *two_nodes(void)
{
    return cluster_start(&(struct cluster_options){.nodes = 2});
}

/* The number that a node has, and of which of its lives. */
static const char *number_at(const struct server *s)
{
    const json_t *node = json_at(http_get(s, "/push/cluster")->json, "node");

    return keep_printf("%d.%d", (int)json_int_at(node, "id"),
                       (int)json_int_at(node, "incarnation"));
}

/* A child that ends because another generation follows is not the last. */
START_TEST(a_node_that_restarts_gracefully_gives_up_nothing)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                    NULL);
    const char *number = number_at(c->nodes[0]);

    publish(c->nodes[1], "user=ada", NULL, "first");
    expect_message(st, 1, "first");
    server_graceful(c->nodes[0]);
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_message(st, 2, "second");
    ck_assert_str_eq(number_at(c->nodes[0]), number);
    ck_assert_int_eq(serverlog_count(c->nodes[0], "PUSH0213"), 0);
}
END_TEST

static bool has_context(const struct server *node, const char *context)
{
    return http_get(node, keep_printf("/push/devices/%s?node=self", context))
               ->status
           == 200;
}

/* ---- a process dies while a device moves ---- */

/* What the death of a process may cost a device at most. */
#define RECLAIM_MS 3000

/*
 * ada's device is at node 0 when a process of a node is killed at a call, and
 * comes to another one then.
 */
static const struct death_row {
    const char *call;
    const char *when;
    int count; /* that it takes */
    int at;    /* the node whose process dies */
    int to;    /* where the client comes in the end */
    bool anew; /* its session is lost */
} deaths[] = {
    {"push_yield", "before", 1, 0, 1, false},
    {"push_yield", "after", 1, 0, 1, false},
    {"push_claim", "before", 1, 1, 0, false},
    {"push_claim", "after", 1, 1, 1, false},
    {"push_claim", "after", 1, 1, 0, false},
    {"push_claim", "before", 2, 1, 0, false},
    {"push_claim", "after", 2, 1, 0, true},
    {"push_claim", "after", 2, 1, 1, true},
    {"push_save", "before", 1, 0, 1, false},
    {"push_save", "after", 1, 0, 1, false},
};

static const char *arm(const struct cluster *c, const struct death_row *row)
{
    const char *file = getenv("PUSH_DIE_FILE");
    const char *other = keep_printf("%s.new", file);
    FILE *f = fopen(other, "w");

    ck_assert_ptr_nonnull(f);
    fprintf(f, "%d %s %s %d\n", (int)c->nodes[row->at]->pid, row->call,
            row->when, row->count);
    fclose(f);
    ck_assert_int_eq(chmod(other, 0666), 0);
    ck_assert_int_eq(rename(other, file), 0);
    return file;
}

/* The order is carried out, and who did it is gone. */
static bool is_over(const char *file, const struct server *node,
                    const pid_t before[2])
{
    struct stat s;
    pid_t now[8];
    int count = server_children(node, now, 8), alive = 0;

    for (int i = 0; i < count; i++) {
        alive += now[i] == before[0] || now[i] == before[1];
    }
    return stat(file, &s) == 0 && s.st_size == 0 && alive < 2;
}

/* Who answers may be dead before. */
static struct wire *ask_and_leave_it(const struct server *s, const char *what)
{
    const char *request = keep_printf("%s HTTP/1.1\r\nHost: localhost\r\n"
                                      "Content-Length: 0\r\n\r\n",
                                      what);
    struct wire *w = wire_open(s, 0);

    wire_send(w, request, strlen(request));
    return w;
}

/* Both are there again. */
static void await_children(const struct server *node)
{
    pid_t pids[8];

    wait_until(server_children(node, pids, 8) == 2);
}

/* Of a user whom no other row has. */
static void die_at(struct cluster *c, const struct death_row *row, int i)
{
    const char *user = keep_printf("user=ada%d", i);
    const char *device = keep_printf("%s&device=d&ack=explicit", user);
    struct stream *st = stream_open(c->nodes[0],
                                    keep_printf("%s&seq=0", device), NULL);
    const char *file, *context;
    struct wire *asked = NULL;
    const struct event *e;
    pid_t before[2];
    int64_t died;

    publish(c->nodes[0], user, NULL, "first");
    publish(c->nodes[1], user, NULL, "second");
    publish(c->nodes[0], user, NULL, "third");
    expect_message(st, 1, "first");
    expect_message(st, 2, "second");
    expect_message(st, 3, "third");
    context = json_text_at(
        http_get(c->nodes[0], keep_printf("/push/devices?%s", user))->json,
        "devices.0.id");
    ck_assert_int_eq(server_children(c->nodes[row->at], before, 2), 2);
    file = arm(c, row);
    if (strcmp(row->call, "push_save") == 0) {
        ask_and_leave_it(c->nodes[0],
                         keep_printf("POST /ramen/ack?%s&device=d&seq=2",
                                     user));
    }
    else {
        acknowledge(c->nodes[0], keep_printf("%s&device=d&seq=2", user));
        asked = ask_and_leave_it(
            c->nodes[1], keep_printf("GET /ramen/receive?%s&seq=2", device));
    }
    wait_until(is_over(file, c->nodes[row->at], before));
    died = wait_now();
    /* Who gives it away is not whom the client has asked. */
    st = strcmp(row->call, "push_yield") == 0
             ? stream_begin(asked, http_head(asked, died + RECLAIM_MS))
             : stream_open(c->nodes[row->to], keep_printf("%s&seq=2", device),
                           NULL);
    ck_assert_msg(wait_now() - died <= RECLAIM_MS, "death %d: %d ms", i,
                  (int)(wait_now() - died));
    e = stream_next(st);
    ck_assert_msg(e->seq == (row->anew ? 1 : 3)
                      && strcmp(e->data, "third") == 0,
                  "death %d: %d %s %s", i, (int)e->seq, e->type, e->data);
    publish(c->nodes[1 - row->to], user, NULL, "fourth");
    expect_message(st, row->anew ? 2 : 4, "fourth");
    wait_until(!has_context(c->nodes[1 - row->to], context));
    await_children(c->nodes[row->at]);
}

START_TEST(a_death_while_a_device_moves_loses_nothing_and_holds_nothing)
{
    const char *build = getenv("PUSH_BUILD");
    struct cluster *c = cluster_prepare(&(struct cluster_options){
        .nodes = 2,
        .node = {.preload = keep_printf("%s/tests/integration/dieatcall.so",
                                        build != NULL ? build : "build")}});

    setenv("PUSH_DIE_FILE", keep_printf("%s.die", c->secret), 1);
    cluster_add(c);
    cluster_add(c);
    cluster_await_well(c);
    server_allow(c->nodes[0], "exit signal Killed");
    server_allow(c->nodes[1], "exit signal Killed");
    for (int i = 0; i < (int)(sizeof(deaths) / sizeof(*deaths)); i++) {
        die_at(c, &deaths[i], i);
    }
}
END_TEST

/* ---- what is said of a device that goes ---- */

START_TEST(a_device_that_goes_from_node_to_node_is_online_once)
{
    struct cluster *c = two_nodes_with_presence();
    struct stream *feed = follow_presence(c);
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                    NULL);
    const char *context;

    ck_assert_str_eq(said_next(feed), "ada connected");
    context = json_text_at(
        http_get(c->nodes[0], "/push/devices?user=ada")->json, "devices.0.id");
    for (int i = 1; i <= 20; i++) {
        st = stream_open(c->nodes[i % 2], "user=ada&device=d&seq=0", NULL);
        if (i % 5 == 0) {
            wait_until(!has_context(c->nodes[(i + 1) % 2], context));
        }
    }
    stream_open(c->nodes[0], "user=bob&device=d&seq=0", NULL);
    ck_assert_str_eq(said_next(feed), "bob connected");
    leave(c->nodes[0], st);
    ck_assert_str_eq(said_next(feed), "ada disconnected");
    stream_open(c->nodes[1], "user=eve&device=d&seq=0", NULL);
    ck_assert_str_eq(said_next(feed), "eve connected");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_ends");
    TCase *tc = case_add(suite, "ends", 60);
    tcase_add_loop_test(tc,
                        a_device_of_a_node_that_is_stopped_goes_on_at_another,
                        0, sizeof(stops) / sizeof(*stops));
    tcase_add_test(tc, a_node_that_restarts_gracefully_gives_up_nothing);
    tcase_add_test(
        tc, a_death_while_a_device_moves_loses_nothing_and_holds_nothing);
    tcase_add_test(tc, a_device_that_goes_from_node_to_node_is_online_once);
    return case_run(suite);
}
