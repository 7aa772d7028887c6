/*
 * What the server subscribes users to, asked for at any node: devices follow
 * wherever they are, also those that are away, that move, or whose node dies.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static struct answer *ask(const struct server *s, const char *method,
                          const char *user, const char *channel)
{
    return http_do(s, method,
                   keep_printf("/push/users/%s/channels/%s", user, channel),
                   NULL, NULL);
}

static void tag(const struct server *s, const char *user, const char *channel)
{
    http_expect(ask(s, "PUT", user, channel), 200, NULL);
}

static void untag(const struct server *s, const char *user,
                  const char *channel)
{
    http_expect(ask(s, "DELETE", user, channel), 200, NULL);
}

static void cast(const struct server *s, const char *channel, const char *text)
{
    publish(s, keep_printf("channel=%s", channel), NULL, text);
}

static const char *channels_of(const struct server *s, const char *user)
{
    const struct answer *a = http_get(s, keep_printf("/push/users/%s/channels",
                                                     user));
    char *text;

    http_expect(a, 200, NULL);
    text = json_dumps(json_at(a->json, "channels"), JSON_COMPACT);
    return keep(text, free);
}

/* How many of the user's devices follow the channel, wherever they are. */
static int followers(const struct server *s, const char *user,
                     const char *channel)
{
    const json_t *devices = json_at(
        http_get(s, keep_printf("/push/devices?user=%s", user))->json,
        "devices");
    const json_t *device, *name;
    size_t i, j;
    int count = 0;

    json_array_foreach(devices, i, device)
    {
        json_array_foreach(json_object_get(device, "channels"), j, name)
        {
            count += strcmp(json_string_value(name), channel) == 0;
        }
    }
    return count;
}

/* ---- all nodes live ---- */

static void open_streams_follow_at_all_nodes(const struct cluster *c)
{
    struct stream *phone = stream_open(c->nodes[0],
                                       "user=ada&device=phone&seq=0", NULL);
    struct stream *laptop = stream_open(c->nodes[1],
                                        "user=ada&device=laptop&seq=0", NULL);
    struct stream *other = stream_open(c->nodes[0],
                                       "user=bob&device=phone&seq=0", NULL);

    tag(c->nodes[2], "ada", "vip");
    tag(c->nodes[1], "ada", "vip");
    cast(c->nodes[2], "vip", "1");
    expect_message(phone, 1, "1");
    expect_message(laptop, 1, "1");
    for (int i = 0; i < c->count; i++) {
        ck_assert_str_eq(channels_of(c->nodes[i], "ada"), "[\"vip\"]");
        http_expect(ask(c->nodes[i], "GET", "ada", "vip"), 200, NULL);
    }
    wait_until(followers(c->nodes[2], "ada", "vip") == 2);
    untag(c->nodes[2], "ada", "vip");
    http_expect(ask(c->nodes[0], "DELETE", "ada", "vip"), 404,
                "does not subscribe");
    ck_assert_str_eq(channels_of(c->nodes[0], "ada"), "[]");
    wait_until(followers(c->nodes[2], "ada", "vip") == 0);
    cast(c->nodes[2], "vip", "2");
    publish(c->nodes[2], "user=ada", NULL, "3");
    publish(c->nodes[2], "user=bob", NULL, "4");
    expect_message(phone, 2, "3");
    expect_message(laptop, 2, "3");
    expect_message(other, 1, "4");
    stream_close(phone);
    stream_close(laptop);
    stream_close(other);
}

static void who_is_away_lacks_nothing(const struct cluster *c)
{
    struct stream *st = stream_open(c->nodes[0], "user=cay&device=d&seq=0",
                                    NULL);
    struct stream *later;

    leave(c->nodes[0], st);
    cast(c->nodes[2], "away", "before");
    tag(c->nodes[1], "cay", "away");
    cast(c->nodes[2], "away", "1");
    st = stream_open(c->nodes[1], "user=cay&device=d&seq=0", NULL);
    expect_message(st, 1, "1");
    /* Who appears later follows from then on. */
    later = stream_open(c->nodes[2], "user=cay&device=new&seq=0", NULL);
    cast(c->nodes[0], "away", "2");
    expect_message(later, 1, "2");
    expect_message(st, 2, "2");
    stream_close(st);
    stream_close(later);
}

/* What a device asks for itself stays its own. */
static void own_channels_stay(const struct cluster *c)
{
    struct stream *st = stream_open(
        c->nodes[0], "user=dan&device=d&seq=0&channel=mine", NULL);

    http_expect(http_do(c->nodes[0], "POST", "/ramen/follow?user=dan&device=d",
                        NULL, "{\"channels\":[]}"),
                501, "a node of a cluster");
    tag(c->nodes[1], "dan", "mine");
    tag(c->nodes[1], "dan", "theirs");
    cast(c->nodes[2], "theirs", "1");
    expect_message(st, 1, "1");
    untag(c->nodes[1], "dan", "mine");
    untag(c->nodes[1], "dan", "theirs");
    wait_until(followers(c->nodes[1], "dan", "theirs") == 0);
    cast(c->nodes[2], "theirs", "2");
    cast(c->nodes[2], "mine", "3");
    expect_message(st, 2, "3");
    stream_close(st);
}

static void many_are_changed_and_limits_hold(const struct cluster *c)
{
    const struct answer *a = http_do(
        c->nodes[0], "POST", "/push/subscriptions", NULL,
        "{\"user\":\"eve\",\"channel\":\"x\"}\n"
        "{\"user\":\"eve\",\"channel\":\"y\"}\n"
        "{\"user\":\"eve\",\"channel\":\"z\"}\n"
        "{\"user\":\"eve\",\"channel\":\"v\"}\n"
        "{\"user\":\"eve\",\"channel\":\"x\",\"subscribe\":false}\n"
        "{\"user\":\"eve\",\"channel\":\"w\"}\n"
        "{\"user\":\"eve\",\"channel\":\"none\",\"subscribe\":false}\n");

    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "done"), 5);
    ck_assert_int_eq(json_int_at(a->json, "failed.0.line"), 4);
    ck_assert_str_eq(json_text_at(a->json, "failed.0.problem.type"),
                     "urn:mod_push:problem:too-many-channels");
    ck_assert_int_eq(json_int_at(a->json, "failed.1.line"), 7);
    ck_assert_str_eq(channels_of(c->nodes[1], "eve"), "[\"y\",\"z\",\"w\"]");
    http_expect(ask(c->nodes[2], "PUT", "eve", "v"), 429, "channel: ");
    ck_assert_str_eq(channels_of(c->nodes[2], "eve"), "[\"y\",\"z\",\"w\"]");
}

/* ---- a library that begins anew, a node that dies ---- */

static void it_outlives_the_library(const struct cluster *c)
{
    struct stream *st = stream_open(c->nodes[0], "user=fay&device=d&seq=0",
                                    NULL);

    tag(c->nodes[1], "fay", "kept");
    wait_until(followers(c->nodes[1], "fay", "kept") == 1);
    redis_call(c->redis, "FUNCTION FLUSH");
    cluster_await_well(c);
    tag(c->nodes[1], "fay", "anew");
    cast(c->nodes[2], "anew", "1");
    expect_message(st, 1, "1");
    cast(c->nodes[2], "kept", "2");
    expect_message(st, 2, "2");
    ck_assert_str_eq(channels_of(c->nodes[0], "fay"), "[\"kept\",\"anew\"]");
    stream_close(st);
}

static void it_outlives_its_node(const struct cluster *c)
{
    struct stream *st = stream_open(c->nodes[0], "user=gus&device=d&seq=0",
                                    NULL);

    tag(c->nodes[1], "gus", "old");
    cast(c->nodes[2], "old", "1");
    expect_message(st, 1, "1");
    cluster_kill(c->nodes[0]);
    /* Redis still has it as that node's. */
    tag(c->nodes[1], "gus", "fresh");
    cast(c->nodes[2], "fresh", "2");
    cast(c->nodes[2], "old", "3");
    st = stream_open(c->nodes[2], "user=gus&device=d&seq=0", NULL);
    for (bool fresh = false, old = false; !fresh || !old;) {
        const struct event *e = stream_next(st);

        fresh |= strcmp(e->data, "2") == 0;
        old |= strcmp(e->data, "3") == 0;
    }
    untag(c->nodes[1], "gus", "old");
    wait_until(followers(c->nodes[1], "gus", "old") == 0);
    cast(c->nodes[1], "old", "4");
    cast(c->nodes[1], "fresh", "5");
    ck_assert_str_eq(stream_next(st)->data, "5");
}

START_TEST(tags_hold_in_a_cluster)
{
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 3, .node = {.global = "PushMaxChannelsPerUser 3\n"}});

    open_streams_follow_at_all_nodes(c);
    who_is_away_lacks_nothing(c);
    own_channels_stay(c);
    many_are_changed_and_limits_hold(c);
    it_outlives_the_library(c);
    it_outlives_its_node(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster tags");
    TCase *tc = case_add(suite, "tags", 60);

    tcase_add_test(tc, tags_hold_in_a_cluster);
    return case_run(suite);
}
