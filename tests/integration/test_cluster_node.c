/*
 * Nodes of a cluster on one Redis: what is published at one is received at
 * another, and what the whole cluster agrees on.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "keep.h"
#include "serverlog.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

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

static const json_t *copy_of(const struct server *node, const char *log)
{
    return http_get(node, keep_printf("/push/check?%s", log))->json;
}

static bool has_copies(const struct server *node, const char *log, int count)
{
    const json_t *copy = copy_of(node, log);

    return json_is_true(json_at(copy, "live"))
           && json_is_false(json_at(copy, "behind"))
           && json_int_at(copy, "messages") == count;
}

static void expect_same(const struct cluster *c, const char *log, int count)
{
    wait_until(has_copies(c->nodes[0], log, count));
    wait_until(has_copies(c->nodes[1], log, count));
    ck_assert_str_eq(json_text_at(copy_of(c->nodes[0], log), "digest"),
                     json_text_at(copy_of(c->nodes[1], log), "digest"));
}

START_TEST(a_channel_and_the_broadcast_reach_all_nodes)
{
    const char *first;
    struct cluster *c = two_nodes();
    struct stream *a = stream_open(c->nodes[0], "user=a&channel=news", NULL);
    struct stream *b = stream_open(c->nodes[1], "user=b&channel=news", NULL);

    publish(c->nodes[0], "channel=news", NULL, "one");
    expect_message(a, 1, "one");
    expect_message(b, 1, "one");
    publish(c->nodes[1], "broadcast=1", NULL, "two");
    expect_message(a, 2, "two");
    expect_message(b, 2, "two");
    expect_same(c, "broadcast=1", 1);
    expect_same(c, "channel=news", 1);
    first = json_text_at(copy_of(c->nodes[0], "channel=news"), "digest");
    publish(c->nodes[1], "channel=news", NULL, "three");
    expect_same(c, "channel=news", 2);
    ck_assert_str_ne(
        json_text_at(copy_of(c->nodes[0], "channel=news"), "digest"), first);
    ck_assert_int_eq(http_get(c->nodes[0], "/push/check?user=b")->status, 404);
    ck_assert_int_eq(
        http_get(c->nodes[0], "/push/check?user=a&channel=news")->status, 400);
    ck_assert_int_ge(
        json_int_at(http_get(c->nodes[0], "/push/check")->json, "copies"), 3);
}
END_TEST

/* ---- what all nodes agree on ---- */

START_TEST(an_idempotency_key_is_one_key_at_all_nodes)
{
    static const char key[] = "Idempotency-Key: \"k1\"\r\n";
    struct cluster *c = two_nodes();
    const char *mid = publish(c->nodes[0], "user=anna", key, "one");
    struct answer *a = publish_try(c->nodes[1], "user=anna", key, "one");

    ck_assert_int_eq(a->status, 201);
    ck_assert_str_eq(json_text_at(a->json, "id"), mid);
    http_expect(publish_try(c->nodes[1], "user=anna", key, "two"), 422,
                "Idempotency-Key");
    ck_assert_str_ne(publish(c->nodes[1], "user=bert", key, "one"), mid);
}
END_TEST

START_TEST(a_topic_replaces_what_came_by_another_node)
{
    static const char topic[] = "Topic: score\r\n";
    struct cluster *c = two_nodes();
    struct stream *st;

    publish(c->nodes[0], "user=anna", topic, "1:0");
    publish(c->nodes[1], "user=anna", NULL, "other");
    publish(c->nodes[1], "user=anna", topic, "2:0");
    st = stream_open(c->nodes[0], "user=anna&device=d", NULL);
    expect_message(st, 1, "other");
    expect_message(st, 2, "2:0");
}
END_TEST

START_TEST(a_message_is_recalled_at_any_node)
{
    struct cluster *c = two_nodes();
    const char *mid = publish(c->nodes[0], "user=anna", NULL, "one");
    const char *path = keep_printf("/push/messages/%s?user=anna", mid);
    struct stream *st;

    publish(c->nodes[0], "user=anna", NULL, "two");
    ck_assert_int_lt(http_do(c->nodes[1], "DELETE", path, NULL, "")->status,
                     300);
    st = stream_open(c->nodes[0], "user=anna&device=d", NULL);
    expect_message(st, 1, "two");
    ck_assert_int_ge(http_do(c->nodes[1], "DELETE", path, NULL, "")->status,
                     400);
}
END_TEST

START_TEST(lines_are_answered_each_and_arrive_in_order)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    char lines[16384] = "";
    struct answer *a;
    int got = 0;

    for (int i = 0; i < 200; i++) {
        strcat(lines, keep_printf("{\"user\":\"anna\",\"data\":\"%d\"}\n", i));
    }
    a = publish_lines(c->nodes[0], lines);
    for (const char *at = a->body; (at = strstr(at, "\"id\"")) != NULL; at++) {
        got++;
    }
    ck_assert_int_eq(got, 200);
    for (int i = 0; i < 200; i++) {
        expect_message(st, i + 1, keep_printf("\"%d\"", i));
    }
}
END_TEST

START_TEST(a_ticket_is_good_once_and_at_any_node)
{
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                                        token_file(TOKEN_SECRET, 0640))}});
    struct answer *a = http_do(c->nodes[0], "POST", "/ramen/ticket?device=d",
                               token_bearer("ada", ""), "");
    const char *query = keep_printf("device=d&ticket=%s",
                                    json_text_at(a->json, "ticket"));
    struct stream *st = stream_open(c->nodes[1], query, NULL);
    struct stream *again = stream_try(c->nodes[0], query, NULL);

    publish(c->nodes[0], "user=ada", NULL, "one");
    expect_message(st, 1, "one");
    ck_assert_int_eq(again->status, 401);
}
END_TEST

START_TEST(streams_of_a_user_end_at_all_nodes)
{
    struct cluster *c = two_nodes();
    struct stream *a = stream_open(c->nodes[0], "user=anna&device=a", NULL);
    struct stream *b = stream_open(c->nodes[1], "user=anna&device=b", NULL);
    struct answer *answer = http_do(c->nodes[0], "DELETE",
                                    "/push/users/anna/streams", NULL, "");

    ck_assert_int_eq(answer->status, 200);
    ck_assert_int_eq(json_int_at(answer->json, "disconnected"), 2);
    stream_expect_bye(a, "disconnected");
    stream_expect_bye(b, "disconnected");
}
END_TEST

START_TEST(a_token_that_is_revoked_is_refused_at_all_nodes)
{
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                                        token_file(TOKEN_SECRET, 0640))}});
    const char *token = token_bearer("ada", "");
    struct stream *st = stream_open(c->nodes[1], "device=d", token);
    struct server *late;

    ck_assert_int_eq(http_do(c->nodes[0], "POST", "/push/users/ada/revoke",
                             NULL, "")
                         ->status,
                     200);
    stream_expect_bye(st, "expired-token");
    ck_assert_int_eq(stream_try(c->nodes[1], "device=d", token)->status, 401);
    late = cluster_add(c);
    cluster_await_well(c);
    wait_until(stream_try(late, "device=d", token)->status == 401);
}
END_TEST

/* ---- faults ---- */

static const char *const away[] = {"PUSH0202", "PUSH0203", "PUSH0204"};

static void allow(struct cluster *c, const char *const *texts, size_t count)
{
    for (int i = 0; i < c->count; i++) {
        for (size_t j = 0; j < count; j++) {
            server_allow(c->nodes[i], texts[j]);
        }
    }
}

START_TEST(without_redis_streams_stay_and_publishes_are_refused)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    int64_t back;

    allow(c, away, sizeof(away) / sizeof(*away));
    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    redis_stop(c->redis);
    http_expect(publish_try(c->nodes[0], "user=anna", NULL, "lost"), 503,
                NULL);
    wait_until(!cluster_node_is_well(c->nodes[0]));
    /* A device of this node comes back to it without Redis. */
    stream_close(st);
    st = stream_open(c->nodes[1], "user=anna&device=d&seq=1", NULL);
    redis_again(c->redis);
    back = wait_now();
    cluster_await_well(c);
    wait_until(publish_try(c->nodes[0], "user=anna", NULL, "two")->status
               == 201);
    ck_assert_int_le(wait_now() - back, 10000);
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(when_all_data_is_lost_streams_go_on)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);

    allow(c, away, 1);
    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    redis_call(c->redis, "FLUSHALL");
    wait_until(serverlog_count(c->nodes[1], "PUSH0202") > 0);
    wait_until(publish_try(c->nodes[0], "user=anna", NULL, "more")->status
               == 201);
    publish(c->nodes[0], "user=anna", NULL, "last");
    while (strcmp(stream_next(st)->data, "last") != 0) {
    }
}
END_TEST

START_TEST(a_library_that_is_gone_is_loaded_again)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);

    allow(c, away, 1);
    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    redis_call(c->redis, "FUNCTION FLUSH SYNC");
    publish(c->nodes[0], "user=anna", NULL, "two");
    expect_message(st, 2, "two");
    wait_until(serverlog_count(c->nodes[1], "PUSH0202") > 0);
    publish(c->nodes[0], "user=anna", NULL, "three");
    expect_message(st, 3, "three");
}
END_TEST

START_TEST(another_child_goes_on_where_one_died)
{
    struct cluster *c = two_nodes();
    struct server *node = c->nodes[1];
    struct stream *st = stream_open(node, "user=anna&device=d", NULL);
    pid_t holder = holder_of(node, st), pids[8];
    int count;

    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    /* One of the others may have had the link. */
    count = server_children(node, pids, 8);
    for (int i = 0; i < count; i++) {
        if (pids[i] != holder) {
            server_kill_child(node, pids[i]);
        }
    }
    publish(c->nodes[0], "user=anna", NULL, "two");
    expect_message(st, 2, "two");
    /* And now the one that has it by now. */
    server_kill_child(node, holder);
    publish(c->nodes[0], "user=anna", NULL, "three");
    st = stream_open(node, "user=anna&device=d&seq=2", NULL);
    expect_message(st, 3, "three");
}
END_TEST

START_TEST(what_redis_has_no_memory_for_is_refused)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);

    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    redis_call(c->redis, "CONFIG SET maxmemory 1");
    http_expect(publish_try(c->nodes[0], "user=anna", NULL, "x"), 503,
                "memory");
    redis_call(c->redis, "CONFIG SET maxmemory 0");
    publish(c->nodes[0], "user=anna", NULL, "two");
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(a_record_that_cannot_be_read_is_passed_over)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    /* partition, lane, ttl, cap, and of no device and no rate */
    static const char fixed[] = "\0\0\1\0\0\0\0\xea\x60\0\0\3\xe8"
                                "\0\0\0\0\0\0\0";

    for (int i = 0; i < c->count; i++) {
        server_allow(c->nodes[i], "PUSH0206");
    }
    publish(c->nodes[0], "broadcast=1", NULL, "one");
    expect_message(st, 1, "one");
    /* As a node of a version to come might publish: to all, in partition 0. */
    redis_call(c->redis,
               "FCALL push_publish 3 push:{fkt}f push:{fkt}h push:{fkt}1b "
               "%b b what-no-version-of-today-can-read",
               fixed, sizeof(fixed));
    publish(c->nodes[0], "broadcast=1", NULL, "two");
    expect_message(st, 2, "two");
    wait_until(serverlog_count(c->nodes[1], "PUSH0206") == 1);
    ck_assert_int_eq(json_int_at(http_get(c->nodes[1], "/push/cluster")->json,
                                 "node.unreadable"),
                     1);
}
END_TEST

START_TEST(a_graceful_restart_keeps_streams_and_number)
{
    struct cluster *c = two_nodes();
    struct server *node = c->nodes[1];
    struct stream *st = stream_open(node, "user=anna&device=d", NULL);

    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    server_graceful(node);
    publish(c->nodes[0], "user=anna", NULL, "two");
    expect_message(st, 2, "two");
    ck_assert_int_eq(serverlog_count(node, "PUSH0208"), 1);
}
END_TEST

START_TEST(a_node_that_was_killed_is_replaced_by_another)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    int64_t killed;

    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    cluster_kill(c->nodes[1]);
    publish(c->nodes[0], "user=anna", NULL, "two");
    killed = wait_now();
    st = stream_open(c->nodes[0], "user=anna&device=d", NULL);
    while (strcmp(stream_next(st)->data, "two") != 0) {
    }
    ck_assert_int_le(wait_now() - killed, 3000);
}
END_TEST

/* ---- a Redis Cluster ---- */

static struct cluster *on_masters(const char *lines)
{
    return cluster_start(&(struct cluster_options){
        .nodes = 2, .masters = 3, .replicas = 1, .node = {.global = lines}});
}

/* Messages to many users, who are at many masters, from node to node. */
static void exchange(struct cluster *c, struct stream **streams, int users,
                     const char *text, int seq)
{
    for (int i = 0; i < users; i++) {
        const char *query = keep_printf("user=u%d", i);

        wait_until(publish_try(c->nodes[i % 2], query, NULL, text)->status
                   == 201);
    }
    for (int i = 0; i < users; i++) {
        expect_message(streams[i], seq, text);
    }
}

START_TEST(when_a_master_dies_its_replica_goes_on)
{
    enum { USERS = 12 };
    struct cluster *c = on_masters(NULL);
    struct stream *streams[USERS];

    allow(c, away, sizeof(away) / sizeof(*away));
    for (int i = 0; i < USERS; i++) {
        streams[i] = stream_open(c->nodes[(i + 1) % 2],
                                 keep_printf("user=u%d&device=d", i), NULL);
    }
    exchange(c, streams, USERS, "one", 1);
    redis_kill(c->engine->servers[0]);
    exchange(c, streams, USERS, "two", 2);
    cluster_await_well(c);
    exchange(c, streams, USERS, "three", 3);
}
END_TEST

START_TEST(a_commit_is_refused_without_its_replica)
{
    struct cluster *c = on_masters(
        "PushDurability commit\nPushClusterReplicas 1\n");
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    static const char key[] = "Idempotency-Key: \"k1\"\r\n";

    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    for (int i = 3; i < 6; i++) {
        redis_pause(c->engine->servers[i]);
    }
    http_expect(publish_try(c->nodes[0], "user=anna", key, "two"), 503,
                "Idempotency-Key");
    for (int i = 3; i < 6; i++) {
        redis_continue(c->engine->servers[i]);
    }
    /* What has a key stands: to repeat it gives its answer. */
    wait_until(publish_try(c->nodes[0], "user=anna", key, "two")->status
               == 201);
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(partitions_that_move_lose_nothing)
{
    struct cluster *c = on_masters(NULL);
    struct stream *streams[12];

    allow(c, away, sizeof(away) / sizeof(*away));
    for (int i = 0; i < 12; i++) {
        streams[i] = stream_open(c->nodes[(i + 1) % 2],
                                 keep_printf("user=u%d&device=d", i), NULL);
    }
    exchange(c, streams, 12, "one", 1);
    redis_cluster_move(c->engine, 0, 5000, c->engine->servers[1]);
    exchange(c, streams, 12, "two", 2);
    cluster_await_well(c);
    exchange(c, streams, 12, "three", 3);
}
END_TEST

/* ---- the start ---- */

START_TEST(a_node_with_another_secret_does_not_start)
{
    struct cluster *c = cluster_prepare(NULL);
    struct server_options o = {0};
    struct server *node = cluster_add(c);
    const char *said;

    server_write(node, "other",
                 "a secret that no other node has, and so long");
    o.global = keep_printf("PushCluster %s\nPushClusterSecret %s/other\n",
                           redis_url(c->redis), node->root);
    said = server_refusal(&o);
    ck_assert_ptr_nonnull(strstr(said, "PushClusterSecret"));
}
END_TEST

START_TEST(a_redis_that_would_evict_is_refused)
{
    struct cluster *c = cluster_prepare(NULL);
    struct server_options o = {.global = cluster_lines(c, 80)};

    redis_call(c->redis, "CONFIG SET maxmemory-policy allkeys-lru");
    ck_assert_ptr_nonnull(strstr(server_refusal(&o), "noeviction"));
}
END_TEST

static const struct {
    const char *lines, *mention;
} wrong[] = {
    {"PushCluster redis://h:1\n", "PushClusterSecret"},
    {"PushCluster http://h\nPushClusterSecret /dev/null\n", "redis://"},
    {"PushCluster redis://127.0.0.1:1\nPushClusterSecret /dev/null\n",
     "32 to 4095"},
    {"PushClusterReplicas 1\n", "PushCluster"},
    {"PushClusterReplicas 9\n", "0 to 5"},
    {"PushCluster redis://h:1\nPushClusterPrefix a{b}\n", "PushClusterPrefix"},
    {"PushCluster redis://h:1\nPushClusterUrl ftp://x\n", "PushClusterUrl"},
    {"PushCluster redis://h:1\nPushClusterTLS x=y\n", "PushClusterTLS"},
    {"PushCluster redis://h:1\nPushClusterSecret s\nPushStateDir state\n",
     "exclude each other"},
    {"PushCluster redis://h:1\nPushClusterSecret s\nPushDurability commit\n",
     "PushClusterReplicas"}};

START_TEST(a_wrong_setting_stops_the_start_with_a_sentence)
{
    struct server_options o = {.global = wrong[_i].lines};
    const char *said = server_refusal(&o);

    ck_assert_msg(strstr(said, wrong[_i].mention) != NULL, "%s", said);
}
END_TEST

static void add_faults(Suite *suite)
{
    TCase *tc = case_add(suite, "faults", 60);

    tcase_add_test(tc, without_redis_streams_stay_and_publishes_are_refused);
    tcase_add_test(tc, when_all_data_is_lost_streams_go_on);
    tcase_add_test(tc, a_library_that_is_gone_is_loaded_again);
    tcase_add_test(tc, another_child_goes_on_where_one_died);
    tcase_add_test(tc, what_redis_has_no_memory_for_is_refused);
    tcase_add_test(tc, a_record_that_cannot_be_read_is_passed_over);
    tcase_add_test(tc, a_graceful_restart_keeps_streams_and_number);
    tcase_add_test(tc, a_node_that_was_killed_is_replaced_by_another);
}

static void add_masters(Suite *suite)
{
    TCase *tc = case_add(suite, "masters", 120);

    tcase_add_test(tc, when_a_master_dies_its_replica_goes_on);
    tcase_add_test(tc, a_commit_is_refused_without_its_replica);
    tcase_add_test(tc, partitions_that_move_lose_nothing);
}

static void add_start(Suite *suite)
{
    TCase *tc = case_add(suite, "start", 60);

    tcase_add_test(tc, a_node_with_another_secret_does_not_start);
    tcase_add_test(tc, a_redis_that_would_evict_is_refused);
    tcase_add_row_test(tc, a_wrong_setting_stops_the_start_with_a_sentence,
                       wrong);
}

int main(void)
{
    Suite *suite = suite_create("cluster_node");
    TCase *tc = case_add(suite, "cluster_node", 60);

    tcase_add_test(tc, what_is_published_at_one_node_is_received_at_another);
    tcase_add_test(tc, a_device_that_comes_later_finds_what_waits_for_it);
    tcase_add_test(tc, a_channel_and_the_broadcast_reach_all_nodes);
    tcase_add_test(tc, an_idempotency_key_is_one_key_at_all_nodes);
    tcase_add_test(tc, a_topic_replaces_what_came_by_another_node);
    tcase_add_test(tc, a_message_is_recalled_at_any_node);
    tcase_add_test(tc, lines_are_answered_each_and_arrive_in_order);
    tcase_add_test(tc, a_ticket_is_good_once_and_at_any_node);
    tcase_add_test(tc, streams_of_a_user_end_at_all_nodes);
    tcase_add_test(tc, a_token_that_is_revoked_is_refused_at_all_nodes);
    add_faults(suite);
    add_masters(suite);
    add_start(suite);
    return case_run(suite);
}
