/*
 * Publishing later in a cluster: kept at one node, seen at another, published
 * once whoever dies meanwhile.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* Keep a message for later; returns the Location's path and query. */
static const char *keep_later(const struct server *s, const char *query,
                              const char *headers, const char *payload)
{
    struct answer *a = publish_try(s, query, headers, payload);

    http_expect(a, 201, NULL);
    ck_assert(json_is_true(json_at(a->json, "scheduled")));
    return keep_printf("%s", http_header(a, "Location"));
}

static const char *state_of(const struct server *s, const char *location)
{
    return json_text_at(http_get(s, location)->json, "state");
}

static int listed(const struct server *s, const char *query)
{
    struct answer *a = http_get(s, keep_printf("/push/scheduled%s", query));

    http_expect(a, 200, NULL);
    return (int)json_array_size(json_at(a->json, "scheduled"));
}

static void comes_at_its_time(const struct cluster *c)
{
    struct stream *st = stream_open(c->nodes[1], "user=ada&device=d&seq=0",
                                    NULL);
    int64_t asked = wait_now();
    const char *location = keep_later(c->nodes[0], "user=ada",
                                      "Push-At: +1\r\nTTL: 60\r\n", "later");
    const struct event *e;
    struct answer *a;

    publish(c->nodes[1], "user=ada", NULL, "now");
    expect_message(st, 1, "now");
    ck_assert_str_eq(state_of(c->nodes[1], location), "kept");
    e = stream_next(st);
    ck_assert_str_eq(e->data, "later");
    ck_assert_int_ge(e->at - asked, 1000);
    a = http_get(c->nodes[1], location);
    ck_assert_int_eq(a->status, 303);
    ck_assert_str_eq(json_text_at(a->json, "message"), e->mid);
    ck_assert_str_eq(
        json_text_at(http_get(c->nodes[0], keep_printf("/push/messages/%s"
                                                       "?user=ada",
                                                       e->mid))
                         ->json,
                     "audience.user"),
        "ada");
    stream_close(st);
}

static void is_seen_and_recalled_at_another_node(const struct cluster *c)
{
    const char *location = keep_later(c->nodes[0], "user=anna&device=d-1",
                                      "Push-At: +3600\r\nTopic: t\r\n"
                                      "Urgency: high\r\nTTL: 60\r\n"
                                      "Push-Event: e\r\n",
                                      "secret");
    const json_t *kept = http_get(c->nodes[1], location)->json;
    const char *elsewhere = keep_printf("%.*s?user=bob",
                                        (int)strcspn(location, "?"), location);

    ck_assert_str_eq(json_text_at(kept, "user"), "anna");
    ck_assert_str_eq(json_text_at(kept, "device"), "d-1");
    ck_assert_str_eq(json_text_at(kept, "topic"), "t");
    ck_assert_str_eq(json_text_at(kept, "event"), "e");
    ck_assert_str_eq(json_text_at(kept, "urgency"), "high");
    ck_assert_int_eq(json_int_at(kept, "ttl"), 60);
    ck_assert_int_eq(json_int_at(kept, "size"), 6);
    http_expect(http_get(c->nodes[1], elsewhere), 404, NULL);
    http_expect(http_do(c->nodes[1], "DELETE", elsewhere, NULL, NULL), 404,
                NULL);
    http_expect(http_do(c->nodes[1], "DELETE", location, NULL, NULL), 200,
                NULL);
    http_expect(http_do(c->nodes[0], "DELETE", location, NULL, NULL), 409,
                NULL);
    ck_assert_str_eq(state_of(c->nodes[0], location), "recalled");
    http_expect(http_get(c->nodes[0], "/push/scheduled/8yIJIc5myal"), 404,
                NULL);
}

static void is_listed_at_each_node(const struct cluster *c)
{
    const json_t *list;

    keep_later(c->nodes[0], "user=list-b", "Push-At: +1000\r\n", "x");
    keep_later(c->nodes[1], "channel=list-a", "Push-At: +900\r\n", "x");
    keep_later(c->nodes[0], "broadcast=1", "Push-At: +800\r\n", "x");
    for (int i = 0; i < 2; i++) {
        list = http_get(c->nodes[i], "/push/scheduled?prefix=list-")->json;
        ck_assert_str_eq(json_text_at(list, "scheduled.0.channel"), "list-a");
        ck_assert_str_eq(json_text_at(list, "scheduled.1.user"), "list-b");
        ck_assert_int_eq(listed(c->nodes[i], "?prefix=list-"), 2);
        list = http_get(c->nodes[i], "/push/scheduled?limit=1")->json;
        ck_assert(json_is_true(json_at(list, "scheduled.0.broadcast")));
        ck_assert(json_is_true(json_at(list, "more")));
    }
}

static void a_key_and_a_topic_count_at_all_nodes(const struct cluster *c)
{
    static const char headers[] =
        "Push-At: +0.5\r\nTopic: t\r\nIdempotency-Key: k\r\n";
    struct stream *st = stream_open(c->nodes[0], "user=key&device=d&seq=0",
                                    NULL);
    const char *old = keep_later(c->nodes[1], "user=key",
                                 "Push-At: +0.5\r\nTopic: t\r\n", "old");
    const char *first = keep_later(c->nodes[0], "user=key", headers, "once");

    ck_assert_str_eq(state_of(c->nodes[0], old), "replaced");
    ck_assert_str_eq(keep_later(c->nodes[1], "user=key", headers, "once"),
                     first);
    http_expect(publish_try(c->nodes[1], "user=key", headers, "else"), 422,
                NULL);
    expect_message(st, 1, "once");
    ck_assert_str_eq(keep_later(c->nodes[1], "user=key", headers, "once"),
                     first);
    publish(c->nodes[1], "user=key", NULL, "last");
    expect_message(st, 2, "last");
    stream_close(st);
}

static void some_devices_all_and_channels_are_reached(const struct cluster *c)
{
    struct stream *st = stream_open(
        c->nodes[0], "user=cha&device=d&seq=0&channel=c&os=ios", NULL);
    const char *location;

    keep_later(c->nodes[1], "user=cha",
               "Push-At: +0.2\r\nPush-Where: os=android\r\n", "not for it");
    location = keep_later(c->nodes[1], "user=cha",
                          "Push-At: +0.3\r\nPush-Where: os=ios\r\n", "for it");
    ck_assert_str_eq(json_text_at(http_get(c->nodes[0], location)->json,
                                  "where"),
                     "os=ios");
    expect_message(st, 1, "for it");
    keep_later(c->nodes[1], "channel=c", "Push-At: +0.2\r\n", "channel");
    expect_message(st, 2, "channel");
    keep_later(c->nodes[1], "broadcast=1", "Push-At: +0.2\r\n", "all");
    expect_message(st, 3, "all");
    stream_close(st);
}

START_TEST(what_is_kept_is_of_all_nodes)
{
    struct cluster *c = cluster_start(&(struct cluster_options){.nodes = 2});

    comes_at_its_time(c);
    is_seen_and_recalled_at_another_node(c);
    a_key_and_a_topic_count_at_all_nodes(c);
    some_devices_all_and_channels_are_reached(c);
    is_listed_at_each_node(c);
}
END_TEST

#define LINES 400

/* How much is still kept; while Redis or its library is away nobody knows. */
static int left(const struct server *s)
{
    struct answer *a = http_get(s, "/push/scheduled?limit=1000");

    return a->status == 200
               ? (int)json_array_size(json_at(a->json, "scheduled"))
               : LINES;
}

/* Lines for one user, due over the next two seconds. */
static const char *lines_of(int count)
{
    char *text = keep_printf("%*s", count * 80, "");
    size_t len = 0;

    for (int i = 0; i < count; i++) {
        len += (size_t)sprintf(text + len,
                               "{\"user\":\"ada\",\"text\":\"m%d\","
                               "\"at\":\"+%d.%03d\"}\n",
                               i, i * 2 / count, i * 2000 / count % 1000);
    }
    return text;
}

/* " m3 m17": those that did not come. */
static const char *missing(const bool *came, int count)
{
    const char *text = "";

    for (int i = 0; i < count; i++) {
        if (!came[i]) {
            text = keep_printf("%s m%d", text, i);
        }
    }
    return text;
}

/* All of them, each once.  Only then something of now, which has TTL 0 as the
 * rest may have no replica: it lives for a second, and what comes between is one
 * too many. */
static void expect_each_once(const struct server *s, int count)
{
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    bool *came = keep(calloc((size_t)count, sizeof(*came)), free);
    const struct event *e;

    for (int i = 0; i < count; i++) {
        int number;

        e = stream_next_in(st, WAIT_MS);
        ck_assert_msg(e != NULL, "%d came, but not%s; %s", i,
                      missing(came, count),
                      http_get(s, "/push/devices?user=ada")->body);
        number = atoi(e->data + 1);
        ck_assert_int_lt(number, count);
        ck_assert_msg(!came[number], "m%d came twice", number);
        came[number] = true;
    }
    do {
        publish(s, "user=ada", "Urgency: low\r\nTTL: 0\r\n", "last");
        e = stream_next_in(st, 2000);
    } while (!e);
    ck_assert_str_eq(e->data, "last");
}

/* The node that took them in dies in the middle; the library is loaded anew
 * behind that, and the other node finds what is left. */
START_TEST(what_a_node_that_is_killed_has_kept_others_publish_once)
{
    struct cluster *c = cluster_start(&(struct cluster_options){.nodes = 2});

    publish_lines(c->nodes[0], lines_of(LINES));
    wait_until(left(c->nodes[1]) < LINES / 2);
    cluster_kill(c->nodes[0]);
    redis_call(c->redis, "FUNCTION FLUSH");
    wait_until(left(c->nodes[1]) == 0);
    expect_each_once(c->nodes[1], LINES);
}
END_TEST

/* The server that has what is kept for the user of these tests. */
static struct redis *herald_of(const struct redis_cluster *engine)
{
    for (int i = 0; i < engine->masters; i++) {
        if (redis_call(engine->servers[i], "KEYS *}A")->elements > 0) {
            return engine->servers[i];
        }
    }
    ck_abort_msg("no master has anything");
}

START_TEST(a_replica_that_takes_over_publishes_what_is_kept_once)
{
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2,
        .masters = 3,
        .replicas = 1,
        .node = {.global = "PushDurability commit\nPushClusterReplicas 1\n"}});
    const char *location;

    for (int i = 0; i < 2; i++) {
        server_allow(c->nodes[i], "PUSH02");
    }
    publish_lines(c->nodes[0], lines_of(20));
    location = keep_later(c->nodes[0], "user=ada", "Push-At: +2.5\r\n", "m20");
    redis_kill(herald_of(c->engine));
    wait_until(http_get(c->nodes[1], location)->status == 303);
    wait_until(publish_try(c->nodes[1], "user=ada",
                           "Urgency: high\r\nTTL: 0\r\n", "is it well?")
                   ->status
               == 201);
    wait_until(left(c->nodes[1]) == 0);
    expect_each_once(c->nodes[1], 21);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster later");
    TCase *tc = case_add(suite, "later", 90);

    tcase_add_test(tc, what_is_kept_is_of_all_nodes);
    tcase_add_test(tc,
                   what_a_node_that_is_killed_has_kept_others_publish_once);
    tcase_add_test(tc, a_replica_that_takes_over_publishes_what_is_kept_once);
    return case_run(suite);
}
