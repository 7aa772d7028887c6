/* real_nodes.c - pushctl --node with a real cluster of two nodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "shell.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static void dress(const struct server *s)
{
    setenv("HOME", keep_printf("%s/htdocs", s->root), 1);
    setenv("PUSHCTL_URL", keep_printf("http://127.0.0.1:%d/push/", s->port),
           1);
    setenv("CTL", keep_printf("timeout 60 %s/pushctl", shell_build()), 1);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("PUSHCTL_CONFIG");
}

/* What it says on both outputs, and its exit code; again, where a node has not
 * answered the other one in time. */
static const char *ctl(const char *words)
{
    int64_t end = wait_now() + WAIT_MS;
    const char *said;

    do {
        said = shell_run(
            keep_printf("set +e; $CTL %s 2>&1; echo code $?", words));
    } while (strstr(said, "HTTP 503") != NULL && wait_now() < end);
    return said;
}

static const json_t *said_by(const char *words)
{
    const char *said = ctl(words);
    const json_t *json = json_keep(
        json_loads(said, JSON_DISABLE_EOF_CHECK, NULL));

    ck_assert_msg(json != NULL, "%s: %s", words, said);
    return json;
}

static int streams_of(const char *node)
{
    return (int)json_int_at(said_by(keep_printf("stats --json %s%s",
                                                *node ? "--node " : "", node)),
                            "streams");
}

static void expect_said(const char *words, const char *part, int code)
{
    const char *said = ctl(words);

    ck_assert_msg(strstr(said, part) != NULL, "%s: %s", words, said);
    ck_assert_msg(strstr(said, keep_printf("code %d\n", code)) != NULL,
                  "%s: %s", words, said);
}

/* Both nodes are at 127.0.0.1, with different ports. */
static const char *url_of(const struct server *node)
{
    return keep_printf("http://127.0.0.1:%d/push", node->port);
}

static const char *host_of(const struct server *node)
{
    return keep_printf("127.0.0.1:%d", node->port);
}

/* One stream here, two there. */
static struct cluster *two_nodes(void)
{
    struct cluster *c = cluster_start(&(struct cluster_options){.nodes = 2});

    dress(c->nodes[0]);
    stream_open(c->nodes[0], "user=ann&device=d&seq=0&channel=a", NULL);
    stream_open(c->nodes[1], "user=bob&device=d&seq=0&channel=b", NULL);
    stream_open(c->nodes[1], "user=eve&device=d&seq=0&channel=b", NULL);
    return c;
}

/* The number under which a node is in the list. */
static const char *number_of(const struct server *node)
{
    const json_t *list = json_at(said_by("cluster --json"), "nodes");
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (strcmp(json_text_at(one, "url"), url_of(node)) == 0) {
            return keep_printf("%d", (int)json_int_at(one, "id"));
        }
    }
    ck_abort_msg("no node %s", url_of(node));
    return NULL;
}

static bool lists_channel(const json_t *top, const char *name)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_at(top, "channels"), i, one)
    {
        if (strcmp(json_text_at(one, "channel"), name) == 0) {
            return true;
        }
    }
    return false;
}

/* How many messages of the last hour were published at this node. */
static int reported_by(const char *node)
{
    const json_t *rows = json_at(
        said_by(keep_printf("reports --json --by total --node %s", node)),
        "rows");
    const json_t *row;
    int sum = 0;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        sum += (int)json_int_at(row, "published");
    }
    return sum;
}

static void expect_one_node(const struct cluster *c)
{
    ck_assert_int_eq(streams_of(""), 3);
    ck_assert_int_eq(streams_of("self"), 1);
    ck_assert_int_eq(streams_of(host_of(c->nodes[0])), 1);
    ck_assert_int_eq(streams_of(host_of(c->nodes[1])), 2);
    ck_assert_int_eq(streams_of(url_of(c->nodes[1])), 2);
    ck_assert_int_eq(streams_of(number_of(c->nodes[1])), 2);
}

static void expect_in_others(const struct cluster *c)
{
    const char *there = host_of(c->nodes[1]);
    const char *id = json_text_at(
        http_get(c->nodes[0], "/push/devices?user=bob")->json, "devices.0.id");
    int at_there = reported_by(there), at_self = reported_by("self");
    const json_t *top = said_by(
        keep_printf("top --json -n 1 --node %s", there));

    ck_assert_int_eq(json_int_at(top, "stats.streams"), 2);
    ck_assert(lists_channel(top, "b"));
    ck_assert(!lists_channel(top, "a"));
    expect_said(keep_printf("device %s --node %s", id, there), "bob", 0);
    expect_said(keep_printf("device %s --node self", id), "HTTP 404", 4);
    publish(c->nodes[1], "user=bob", NULL, "x");
    ck_assert_int_eq(reported_by(there), at_there + 1);
    ck_assert_int_eq(reported_by("self"), at_self);
}

static void expect_refusals(const struct cluster *c)
{
    expect_said("stats --node 127.0.0.1",
                "127.0.0.1 is more than one node; "
                "there are ",
                4);
    expect_said("stats --node no.where",
                keep_printf("(%s)", url_of(c->nodes[1])), 4);
    expect_said("top -b -n 1 --node 127.0.0", "127.0.0 is no node", 4);
    expect_said("stats --node 63", "no node has the number 63", 4);
    expect_said("stats --node 64", "0 to 63", 1);
    expect_said("check --node 1", "node", 2);
}

START_TEST(a_node_is_asked_by_its_name)
{
    struct cluster *c = two_nodes();

    wait_until(streams_of("") == 3);
    expect_one_node(c);
    expect_in_others(c);
    expect_refusals(c);
}
END_TEST

START_TEST(a_server_that_is_alone_has_no_nodes)
{
    struct server *alone = server_start(NULL);

    dress(alone);
    expect_said("stats --node node-1", "this server is alone", 4);
    ck_assert_int_eq(streams_of("self"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c nodes");
    TCase *tc = case_add(suite, "nodes", 60);

    tcase_add_test(tc, a_node_is_asked_by_its_name);
    tcase_add_test(tc, a_server_that_is_alone_has_no_nodes);
    return case_run(suite);
}
