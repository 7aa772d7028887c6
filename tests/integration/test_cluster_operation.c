/*
 * What an operator sets for a cluster, tried from outside: TLS, users and
 * their rights, sentinels, secrets, prefixes, and an upgrade. Redis is the one
 * that is installed; there is none of version 6, which would be refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "keep.h"
#include "sentinel.h"
#include "serverlog.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

static void expect_words(const char *said, const char *first,
                         const char *second)
{
    ck_assert_msg(strstr(said, first) != NULL, "no \"%s\" in: %s", first,
                  said);
    ck_assert_msg(strstr(said, second) != NULL, "no \"%s\" in: %s", second,
                  said);
}

/* A node with these lines behind its secret must not start; what it says has
 * both words. */
static void expect_refusal(const struct cluster *c, const char *lines,
                           const char *first, const char *second)
{
    struct server_options o = {
        .children = 1,
        .global = keep_printf("PushClusterSecret %s\n%s", c->secret, lines)};

    expect_words(server_refusal(&o), first, second);
}

/* ---- TLS ---- */

static const char *client_of(const struct redis *r)
{
    return keep_printf("PushClusterTLS ca=%s cert=%s key=%s\n", redis_ca(r),
                       redis_client_certificate(r), redis_client_key(r));
}

START_TEST(redis_may_demand_certificates_by_tls)
{
    struct cluster *c = cluster_prepare(&(struct cluster_options){
        .redis = {.tls = true, .lines = "tls-auth-clients yes\n"}});
    struct stream *st;

    c->options.node.global = client_of(c->redis);
    cluster_add(c);
    cluster_add(c);
    cluster_await_well(c);
    st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    publish(c->nodes[0], "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    server_graceful(c->nodes[0]);
    publish(c->nodes[0], "user=anna", NULL, "two");
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(what_is_wrong_with_tls_is_said)
{
    struct cluster *c = cluster_prepare(&(struct cluster_options){
        .redis = {.tls = true,
                  .lines = "bind 127.0.0.1 127.0.0.2\n"
                           "tls-auth-clients yes\n"}});
    const struct redis *r = c->redis;
    const char *url = keep_printf("PushCluster %s\n", redis_url(r));
    const char *client = client_of(r);

    expect_refusal(c,
                   keep_printf("%sPushClusterTLS ca=%s cert=%s key=%s\n", url,
                               redis_client_certificate(r),
                               redis_client_certificate(r),
                               redis_client_key(r)),
                   "PushClusterTLS", "in certificate chain");
    expect_refusal(c, url, "PushClusterTLS", "in certificate chain");
    expect_refusal(c,
                   keep_printf("PushCluster rediss://127.0.0.2:%d\n%s",
                               r->tls_port, client),
                   "PushClusterTLS", "address mismatch");
    expect_refusal(c,
                   keep_printf("%sPushClusterTLS ca=%s\n", url, redis_ca(r)),
                   "PushClusterTLS", "certificate required");
    expect_refusal(c,
                   keep_printf("%sPushClusterTLS ca=%s cert=%s key=%s\n", url,
                               redis_ca(r), redis_client_certificate(r),
                               keep_printf("%s/server.key", r->root)),
                   "PushClusterTLS", "not that of cert");
    expect_refusal(c,
                   keep_printf("PushCluster rediss://127.0.0.1:%d\n%s",
                               r->port, client),
                   "PushCluster", "does not speak TLS");
    expect_refusal(
        c, keep_printf("PushCluster redis://127.0.0.1:%d\n", r->tls_port),
        "PushCluster", "use rediss://");
}
END_TEST

/* ---- users and rights ---- */

#define PASSWORD "p@ss:w/rd%"
#define AS_USER  "push:p%40ss%3Aw%2Frd%25@"

/* The user of the example, with a password that a URL has to encode. */
static const char *acl_line(void)
{
    const char *line = strstr(keep_file("conf/examples/redis-push.acl", NULL),
                              "\nuser push ");
    const char *word;

    ck_assert_ptr_nonnull(line);
    word = strstr(line, "PASSWORD");
    ck_assert_ptr_nonnull(word);
    return keep_printf("%.*s%s%s", (int)(word - line - 1), line + 1, PASSWORD,
                       word + strlen("PASSWORD"));
}

static struct cluster_options restricted(int nodes)
{
    return (struct cluster_options){
        .nodes = nodes, .user = AS_USER, .redis = {.lines = acl_line()}};
}

static const json_t *devices_at(const struct server *node)
{
    return http_get(node, "/push/users/ada/devices")->json;
}

START_TEST(the_user_of_the_example_has_all_that_nodes_need)
{
    struct cluster_options o = restricted(2);
    const char *token = token_bearer("ada", "");
    struct server *a, *b;
    struct cluster *c;
    struct answer *ticket;
    struct stream *st;
    const char *mid;

    o.node.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                                 token_file(TOKEN_SECRET, 0640));
    c = cluster_start(&o);
    a = c->nodes[0];
    b = c->nodes[1];
    ticket = http_do(a, "POST", "/ramen/ticket?device=d", token, "");
    http_expect(ticket, 200, NULL);
    st = stream_open(b,
                     keep_printf("device=d&seq=0&ticket=%s",
                                 json_text_at(ticket->json, "ticket")),
                     NULL);
    mid = publish(a, "user=ada", NULL, "one");
    expect_message(st, 1, "one");
    ck_assert_int_eq(
        http_do(a, "POST", "/ramen/ack?device=d&seq=1", token, "")->status,
        204);
    ck_assert_int_eq(count_of(a, keep_printf("%s?user=ada", mid), "acked"), 1);
    ck_assert_uint_eq(json_array_size(json_at(devices_at(a), "devices")), 1);
    wait_until(
        json_array_size(json_at(http_get(a, "/push/cluster")->json, "nodes"))
        == 2);
    http_expect(http_do(a, "DELETE", "/push/users/ada/streams", NULL, ""), 200,
                NULL);
    stream_expect_bye(st, "disconnected");
    mid = publish(b, "user=ada", "Idempotency-Key: \"k\"\r\n", "two");
    publish(a, "user=ada", "Topic: t\r\n", "three");
    http_expect(http_do(a, "DELETE",
                        keep_printf("/push/messages/%s?user=ada", mid), NULL,
                        ""),
                200, NULL);
    st = stream_open(a, "device=d&seq=1", token);
    expect_message(st, 2, "three");
    ck_assert_int_eq(serverlog_count(a, "PUSH0205"), 0);
    ck_assert_int_eq(serverlog_count(b, "PUSH0205"), 0);
}
END_TEST

static void set_user(struct redis *r, const char *change)
{
    redis_call(r, keep_printf("ACL SETUSER push %s", change));
}

/* What the start of a node needs, and what its refusal says. */
static const struct {
    const char *change, *back, *says;
} at_start[] = {{"-role", "+role", "'role'"},
                {"-fcall", "+fcall", "'fcall'"},
                {"-function|load", "+function|load", "+function|load"},
                {"-hsetnx", "+hsetnx", "ACL LOG"},
                {"resetkeys", "~push:*", "keys"}};

START_TEST(a_user_that_lacks_something_does_not_start_a_node)
{
    struct cluster_options o = restricted(0);
    struct cluster *c = cluster_prepare(&o);
    const char *url = keep_printf("PushCluster redis://%s127.0.0.1:%d\n",
                                  AS_USER, c->redis->port);

    for (size_t i = 0; i < sizeof(at_start) / sizeof(*at_start); i++) {
        set_user(c->redis, at_start[i].change);
        expect_refusal(c, url, "PUSH0200: PushCluster", at_start[i].says);
        set_user(c->redis, at_start[i].back);
    }
    expect_refusal(c,
                   keep_printf("PushCluster redis://push:wrong@127.0.0.1:%d\n",
                               c->redis->port),
                   "user and password of PushCluster", "WRONGPASS");
    set_user(c->redis, "off");
    expect_refusal(c, url, "user and password of PushCluster", "WRONGPASS");
    redis_call(c->redis, "ACL SETUSER default >secret");
    expect_refusal(
        c, keep_printf("PushCluster redis://127.0.0.1:%d\n", c->redis->port),
        "user and password of PushCluster", "NOAUTH");
}
END_TEST

/* What a node may lose while it runs, and what the log says then. */
static const struct {
    const char *change, *back, *right;
} running[] = {{"-fcall", "+fcall", "fcall"},
               {"-zadd", "+zadd", "push_publish"},
               {"resetkeys", "~push:*", "key"}};

START_TEST(a_right_that_is_taken_is_named_and_publishes_get_503)
{
    struct cluster_options o = restricted(1);
    struct cluster *c = cluster_start(&o);
    struct server *node = c->nodes[0];
    struct stream *st = stream_open(node, "user=anna&device=d", NULL);
    int64_t begun;

    server_allow(node, "PUSH0203");
    server_allow(node, "PUSH0205");
    server_allow(node, "PUSH0207");
    publish(node, "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    set_user(c->redis, running[_i].change);
    begun = wait_now();
    http_expect(publish_try(node, "user=anna", NULL, "lost"), 503, NULL);
    ck_assert_int_le(wait_now() - begun, 3000);
    wait_until(serverlog_count(node, "PUSH0205") > 0);
    ck_assert_int_gt(serverlog_count(node, running[_i].right), 0);
    set_user(c->redis, running[_i].back);
    wait_until(publish_try(node, "user=anna", NULL, "two")->status == 201);
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(a_node_that_may_not_subscribe_says_so_and_is_only_slow)
{
    struct cluster_options o = restricted(0);
    struct cluster *c = cluster_prepare(&o);
    struct server *node;
    struct stream *st;
    long long before;
    int64_t begun;

    set_user(c->redis, "-ssubscribe");
    node = cluster_add(c);
    server_allow(node, "PUSH0205");
    cluster_await_well(c);
    st = stream_open(node, "user=anna&device=d", NULL);
    publish(node, "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    wait_until(serverlog_count(node, "'ssubscribe'") > 0);
    /* It does not try all the time: over two seconds, that is. */
    before = redis_info_number(c->redis, "total_connections_received");
    begun = wait_now();
    wait_until(wait_now() - begun > 2000);
    ck_assert_int_lt(redis_info_number(c->redis, "total_connections_received")
                         - before,
                     20);
    set_user(c->redis, "+ssubscribe");
    wait_until(serverlog_count(node, "PUSH0204") > 0);
    /* It tried more than once, and said it once. */
    ck_assert_int_eq(serverlog_count(node, "'ssubscribe'"), 1);
}
END_TEST

START_TEST(a_commit_needs_the_right_to_wait_for_replicas)
{
    struct cluster_options o = restricted(1);
    struct cluster *c = cluster_prepare(&o);
    struct redis *replica = redis_start(&(struct redis_options){
        .lines = keep_printf("%sreplicaof 127.0.0.1 %d\n", acl_line(),
                             c->redis->port)});
    struct server *node;

    wait_until(strcmp(redis_info(replica, "master_link_status"), "up") == 0);
    c->options.node.global = "PushDurability commit\nPushClusterReplicas 1\n";
    node = cluster_add(c);
    server_allow(node, "PUSH0205");
    wait_until(publish_try(node, "user=anna", NULL, "one")->status == 201);
    set_user(c->redis, "-wait");
    http_expect(publish_try(node, "user=anna", NULL, "two"), 503, NULL);
    wait_until(serverlog_count(node, "'wait'") > 0);
    set_user(c->redis, "+wait");
    publish(node, "user=anna", NULL, "three");
}
END_TEST

/* ---- a sentinel ---- */

/* A node on a Redis of its own URL, which says who it is. */
static struct server *node_at(const char *url, const char *secret,
                              const char *lines)
{
    struct server_options o = {.port = server_free_port()};

    o.global = keep_printf("PushCluster %s\nPushClusterSecret %s\n"
                           "PushClusterUrl http://127.0.0.1:%d/push\n%s",
                           url, secret, o.port, lines);
    return server_start(&o);
}

static const char *new_secret(void)
{
    return token_file("a secret that all nodes of a test share", 0640);
}

static void expect_in_step(struct redis *master)
{
    wait_until(redis_call(master, "WAIT 1 100")->integer == 1);
}

START_TEST(under_a_sentinel_a_replica_goes_on_where_its_master_died)
{
    struct sentinel *s = sentinel_start(
        &(struct redis_options){.lines = acl_line()}, NULL);
    const char *url = keep_printf("redis+sentinel://%s127.0.0.1:%d/%s",
                                  AS_USER, s->port, SENTINEL_MASTER);
    const char *secret = new_secret();
    struct server *a = node_at(url, secret, "");
    struct server *b = node_at(url, secret, "");
    struct server_options wrong = {
        .global = keep_printf("PushCluster %sx\nPushClusterSecret %s\n", url,
                              secret)};
    struct stream *st;

    expect_words(server_refusal(&wrong), "PushCluster", "of this name");
    server_allow(a, "PUSH0203");
    server_allow(b, "PUSH0203");
    wait_until(cluster_node_is_well(a) && cluster_node_is_well(b));
    st = stream_open(b, "user=anna&device=d", NULL);
    publish(a, "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    expect_in_step(s->master);
    redis_kill(s->master);
    wait_until(publish_try(a, "user=anna", NULL, "two")->status == 201);
    expect_message(st, 2, "two");
    ck_assert_str_eq(redis_info(s->replica, "role"), "master");
    wait_until(cluster_node_is_well(a) && cluster_node_is_well(b));
    publish(b, "user=anna", NULL, "three");
    expect_message(st, 3, "three");
}
END_TEST

START_TEST(sentinels_may_have_tls_and_a_password_of_their_own)
{
    struct sentinel *s = sentinel_start(
        &(struct redis_options){.tls = true, .lines = acl_line()}, "gu?ard");
    const char *tls = keep_printf("PushClusterTLS ca=%s\n",
                                  redis_ca(s->master));
    const char *url = keep_printf("rediss+sentinel://%s127.0.0.1:%d/%s",
                                  AS_USER, s->tls_port, SENTINEL_MASTER);
    const char *secret = new_secret();
    struct server *a = node_at(keep_printf("%s?sentinel=:gu%%3Fard", url),
                               secret, tls);
    struct server_options wrong = {
        .global = keep_printf("PushCluster %s?sentinel=:guard\n"
                              "PushClusterSecret %s\n%s",
                              url, secret, tls)};
    struct stream *st;

    wait_until(cluster_node_is_well(a));
    st = stream_open(a, "user=anna&device=d", NULL);
    publish(a, "user=anna", NULL, "one");
    expect_message(st, 1, "one");
    expect_words(server_refusal(&wrong), "password of PushCluster",
                 "WRONGPASS");
    wrong.global = keep_printf("PushCluster %s\nPushClusterSecret %s\n%s", url,
                               secret, tls);
    expect_words(server_refusal(&wrong), "?sentinel=", "NOAUTH");
    wrong.global = keep_printf(
        "PushCluster redis+sentinel://127.0.0.1:%d/%s?sentinel=:gu%%3Fard\n"
        "PushClusterSecret %s\n",
        s->tls_port, SENTINEL_MASTER, secret);
    expect_words(server_refusal(&wrong), "PushCluster",
                 "use rediss+sentinel://");
}
END_TEST

/* ---- who belongs together ---- */

START_TEST(prefixes_keep_two_clusters_of_one_redis_apart)
{
    struct redis *r = redis_start(NULL);
    const char *url = redis_url(r), *secret = new_secret();
    struct server *a = node_at(url, secret, "");
    struct server *b = node_at(
        url, token_file("the secret of another cluster, as long", 0640),
        "PushClusterPrefix other:\n");
    struct server_options foreign = {
        .global = keep_printf("PushCluster %s\nPushClusterSecret %s\n"
                              "PushClusterPrefix other:\n",
                              url, secret)};
    struct stream *at_a, *at_b;

    wait_until(cluster_node_is_well(a) && cluster_node_is_well(b));
    at_a = stream_open(a, "user=anna&device=d", NULL);
    at_b = stream_open(b, "user=anna&device=d", NULL);
    publish(a, "user=anna", NULL, "of a");
    publish(b, "user=anna", NULL, "of b");
    expect_message(at_a, 1, "of a");
    expect_message(at_b, 1, "of b");
    publish(a, "broadcast=1", NULL, "to all of a");
    publish(b, "broadcast=1", NULL, "to all of b");
    expect_message(at_a, 2, "to all of a");
    expect_message(at_b, 2, "to all of b");
    ck_assert_uint_eq(
        json_array_size(json_at(http_get(a, "/push/cluster")->json, "nodes")),
        1);
    /* And a secret belongs to its prefix. */
    expect_words(server_refusal(&foreign), "PushClusterSecret", "same file");
    redis_call(r, "CONFIG SET maxmemory-policy allkeys-lru");
    foreign.global = keep_printf("PushCluster %s\nPushClusterSecret %s\n", url,
                                 secret);
    expect_words(server_refusal(&foreign), "allkeys-lru", "noeviction");
}
END_TEST

/* ---- an upgrade ---- */

/* The library as a node of that version would load it. */
static void load_version(struct redis *r, int version)
{
    static const char line[] = "local VERSION = ";
    redisReply *list = redis_call(r,
                                  "FUNCTION LIST LIBRARYNAME push WITHCODE");
    redisReply *library = list->element[0];
    const char *code = NULL, *at;

    for (size_t i = 0; i + 1 < library->elements; i += 2) {
        if (strcmp(library->element[i]->str, "library_code") == 0) {
            code = library->element[i + 1]->str;
        }
    }
    ck_assert_ptr_nonnull(code);
    at = strstr(code, line);
    ck_assert_ptr_nonnull(at);
    at += strlen(line);
    redis_call(r, "FUNCTION LOAD REPLACE %s",
               keep_printf("%.*s%d%s", (int)(at - code), code, version,
                           at + strcspn(at, "\n")));
}

/* What runs there; 0: the nodes have not loaded it again yet. */
static int version_of(struct redis *r)
{
    redisReply *hello = redis_try(r, "FCALL push_hello 1 push:{fkt}h 0");

    return hello != NULL && hello->type == REDIS_REPLY_ARRAY
               ? atoi(hello->element[0]->str)
               : 0;
}

/* Messages to anna, number first and those behind it. */
static void publish_some(const struct server *node, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        publish(node, "user=anna", NULL, keep_printf("m%d", i));
    }
}

static void expect_some(struct stream *st, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        expect_message(st, i, keep_printf("m%d", i));
    }
}

START_TEST(nodes_of_two_versions_share_the_newer_library)
{
    struct cluster *c = cluster_start(&(struct cluster_options){.nodes = 2});
    struct redis *r = c->redis;
    struct stream *st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    int version = version_of(r);

    ck_assert_int_gt(version, 0);
    publish_some(c->nodes[0], 1, 5);
    /* A newer one: those that run go on with it, and leave it there. */
    load_version(r, version + 1);
    publish_some(c->nodes[0], 6, 5);
    expect_some(st, 1, 10);
    wait_until(serverlog_count(c->nodes[1], "PUSH0202") > 0);
    /* So does one that starts. */
    cluster_add(c);
    cluster_await_well(c);
    publish_some(c->nodes[2], 11, 5);
    expect_some(st, 11, 5);
    ck_assert_int_eq(version_of(r), version + 1);
    /* An older one is replaced, whoever sees it first. */
    load_version(r, version - 1);
    publish_some(c->nodes[0], 16, 5);
    wait_until(version_of(r) == version);
    publish_some(c->nodes[2], 21, 5);
    expect_some(st, 16, 10);
}
END_TEST

START_TEST(a_node_that_starts_replaces_an_older_library)
{
    struct cluster *c = cluster_prepare(NULL);
    struct server *old = cluster_add(c);
    int version = version_of(c->redis);
    struct stream *st;

    cluster_await_well(c);
    st = stream_open(old, "user=anna&device=d", NULL);
    publish_some(old, 1, 3);
    expect_some(st, 1, 3);
    /* What runs cannot do it. */
    cluster_pause(old);
    load_version(c->redis, version - 1);
    ck_assert_int_eq(version_of(c->redis), version - 1);
    cluster_add(c);
    ck_assert_int_eq(version_of(c->redis), version);
    publish_some(c->nodes[1], 4, 3);
    cluster_continue(old);
    expect_some(st, 4, 3);
    cluster_await_well(c);
    publish_some(old, 7, 3);
    expect_some(st, 7, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_operation");
    TCase *tc = case_add(suite, "cluster_operation", 60);

    tcase_add_test(tc, redis_may_demand_certificates_by_tls);
    tcase_add_test(tc, what_is_wrong_with_tls_is_said);
    tcase_add_test(tc, the_user_of_the_example_has_all_that_nodes_need);
    tcase_add_test(tc, a_user_that_lacks_something_does_not_start_a_node);
    tcase_add_row_test(
        tc, a_right_that_is_taken_is_named_and_publishes_get_503, running);
    tcase_add_test(tc, a_node_that_may_not_subscribe_says_so_and_is_only_slow);
    tcase_add_test(tc, a_commit_needs_the_right_to_wait_for_replicas);
    tcase_add_test(tc,
                   under_a_sentinel_a_replica_goes_on_where_its_master_died);
    tcase_add_test(tc, sentinels_may_have_tls_and_a_password_of_their_own);
    tcase_add_test(tc, prefixes_keep_two_clusters_of_one_redis_apart);
    tcase_add_test(tc, nodes_of_two_versions_share_the_newer_library);
    tcase_add_test(tc, a_node_that_starts_replaces_an_older_library);
    return case_run(suite);
}
