/*
 * What a node that was deaf for a while believes to own: it is found out by
 * what is written, and nothing is lost on the way.  What a node that ends
 * leaves to the others, and what is said of a device that goes.
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

/* An inbox that nobody drains for so long is given up. */
#define STILL_MS 17000

/* Of what Redis has of a device, what is before its record. */
#define HEAD_BYTES 27

/* ---- what Redis has, see broker/library/lua ---- */

/* Of the records of a user, the first one; a record is owner, flags, fence. */
static const char *key_of(struct redis *r, const char *pattern)
{
    const redisReply *keys = redis_call(r, "KEYS %s", pattern);

    ck_assert_uint_ge(keys->elements, 1);
    return keep_printf("%s", keys->element[0]->str);
}

static long long record_fence(struct redis *r, const char *key)
{
    return redis_call(r, "EVAL %s 1 %s",
                      "local all = redis.call('HGETALL', KEYS[1])"
                      "if #all == 0 then return -1 end "
                      "local _, _, fence = struct.unpack('>I2I1I4', all[2])"
                      "return fence",
                      key)
        ->integer;
}

/* Its fence grows by this, and its owner's number by that. */
static void change_record(struct redis *r, const char *key, int fence,
                          int owner)
{
    redis_call(r, "EVAL %s 1 %s %d %d",
               "local all = redis.call('HGETALL', KEYS[1])"
               "local o, flags, f = struct.unpack('>I2I1I4', all[2])"
               "redis.call('HSET', KEYS[1], all[1], struct.pack('>I2I1I4',"
               " o + ARGV[2], flags, f + ARGV[1]) .. all[2]:sub(8))",
               key, fence, owner);
}

/* The number of a node in Redis; by more than 0 another one has it instead. */
static long long number_of(struct redis *r, const struct server *node, int by)
{
    return redis_call(
               r, "EVAL %s 1 %s :%d/ %d",
               "local all = redis.call('HGETALL', KEYS[1])"
               "for i = 1, #all, 2 do"
               " if all[i + 1]:find(ARGV[1], 1, true) then"
               "  local owner = struct.unpack('>I2', all[i + 1])"
               "  if ARGV[2] ~= '0' then"
               "   redis.call('HSET', KEYS[1], all[i], struct.pack('>I2',"
               "    owner + ARGV[2]) .. all[i + 1]:sub(3))"
               "  end"
               "  return owner "
               " end "
               "end "
               "return 0",
               key_of(r, "*nodes"), node->port, by)
        ->integer;
}

static struct cluster *two_nodes(void)
{
    return cluster_start(&(struct cluster_options){.nodes = 2});
}

START_TEST(a_node_whose_number_is_given_away_goes_on_by_another)
{
    struct cluster *c = two_nodes();
    struct server *node = c->nodes[0];
    struct stream *st = stream_open(node, "user=ada&device=d&seq=0", NULL);

    for (int i = 1; i <= 5; i++) {
        publish(c->nodes[1], "user=ada", NULL, keep_printf("%d", i));
        expect_message(st, i, keep_printf("%d", i));
    }
    server_allow(node, "PUSH");
    number_of(c->redis, node, 1);
    wait_until(
        redis_call(c->redis, "HLEN %s", key_of(c->redis, "*nodes"))->integer
        == 3);
    stream_expect_bye(st, "superseded");
    st = stream_open(node, "user=bob&device=d&seq=0", NULL);
    publish(c->nodes[1], "user=bob", NULL, "first");
    expect_message(st, 1, "first");
}
END_TEST

START_TEST(a_fence_of_ours_whose_answer_was_lost_is_found)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                    NULL);
    const char *key;
    long long before;

    publish(c->nodes[1], "user=ada", NULL, "first");
    expect_message(st, 1, "first");
    key = key_of(c->redis, "*Duada");
    change_record(c->redis, key, 7, 0);
    before = record_fence(c->redis, key);
    leave(c->nodes[0], st);
    st = stream_open(c->nodes[0], "user=ada&device=d&seq=1", NULL);
    wait_until(record_fence(c->redis, key) > before);
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_message(st, 2, "second");
    st = stream_open(c->nodes[1], "user=ada&device=d&seq=2", NULL);
    publish(c->nodes[0], "user=ada", NULL, "third");
    expect_message(st, 3, "third");
}
END_TEST

/* What the old master would have told is not in the inbox of the new one. */
START_TEST(whose_a_device_is_is_asked_after_a_failover)
{
    struct cluster *c = cluster_start(
        &(struct cluster_options){.nodes = 2, .masters = 3, .replicas = 1});
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                    NULL);
    struct redis *master = NULL;

    for (int i = 0; i < c->engine->masters; i++) {
        if (redis_call(c->engine->servers[i], "KEYS *Duada")->elements) {
            master = c->engine->servers[i];
        }
    }
    ck_assert_ptr_nonnull(master);
    /* It was written, and there is nothing else to write. */
    wait_until(redis_call(master, "HVALS %s", key_of(master, "*Duada"))
                   ->element[0]
                   ->len
               > HEAD_BYTES);
    for (int i = 0; i < 2; i++) {
        server_allow(c->nodes[i], "PUSH");
    }
    change_record(master, key_of(master, "*Duada"), 1, 1024);
    redis_call(master, "WAIT 1 2000");
    redis_kill(master);
    stream_expect_bye(st, "superseded");
}
END_TEST

/*
 * So long that the inbox was given up; and the answer that says so goes
 * astray, as if the connection had broken.
 */
START_TEST(a_node_that_stood_still_trusts_nothing_before_it_is_proved)
{
    struct cluster *c = two_nodes();
    struct stream *ada = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                     NULL);
    struct stream *bob = stream_open(c->nodes[0], "user=bob&device=d&seq=0",
                                     NULL);
    int64_t paused;

    publish(c->nodes[1], "user=ada", NULL, "first");
    expect_message(ada, 1, "first");
    server_allow(c->nodes[0], "PUSH");
    cluster_pause(c->nodes[0]);
    paused = wait_now();
    ada = stream_open(c->nodes[1], "user=ada&device=d&seq=0", NULL);
    stream_next(ada);
    publish(c->nodes[1], "user=bob", NULL, "for bob");
    wait_until(wait_now() - paused >= STILL_MS);
    redis_call(c->redis, "FCALL push_drain 1 %s 0 %lld - 0",
               key_of(c->redis, "*}h"), number_of(c->redis, c->nodes[0], 0));
    cluster_continue(c->nodes[0]);
    ada = stream_open(c->nodes[0], "user=ada&device=d&seq=1", NULL);
    expect_message(bob, 1, "for bob");
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_message(ada, 2, "second");
}
END_TEST

/* ---- a node ends ---- */

static struct cluster *two_nodes_with_presence(void)
{
    return cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {.receive = "PushUser query:user\nPushChannels * $presence\n",
                 .global = "PushPresence on\n"}});
}

/* A node says what happens there only if somebody asks there for it. */
static struct stream *follow_presence(struct cluster *c)
{
    struct stream *feed = NULL;

    for (int i = 0; i < c->count; i++) {
        feed = stream_open(c->nodes[i],
                           keep_printf("user=operator&device=%d&seq=0"
                                       "&channel=%%24presence&meta=type",
                                       i),
                           NULL);
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

/* A child that ends because another generation follows is not the last. */
START_TEST(a_node_that_restarts_gracefully_gives_up_nothing)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                    NULL);
    long long number = number_of(c->redis, c->nodes[0], 0);

    publish(c->nodes[1], "user=ada", NULL, "first");
    expect_message(st, 1, "first");
    server_graceful(c->nodes[0]);
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_message(st, 2, "second");
    ck_assert_int_eq(number_of(c->redis, c->nodes[0], 0), number);
    ck_assert_int_eq(serverlog_count(c->nodes[0], "PUSH0213"), 0);
}
END_TEST

static bool has_context(const struct server *node, const char *context)
{
    return http_get(node, keep_printf("/push/devices/%s", context))->status
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
    Suite *suite = suite_create("cluster_fences");
    TCase *tc = case_add(suite, "fences", 60);

    tcase_add_test(tc, a_node_whose_number_is_given_away_goes_on_by_another);
    tcase_add_test(tc, a_fence_of_ours_whose_answer_was_lost_is_found);
    tcase_add_test(tc, whose_a_device_is_is_asked_after_a_failover);
    tcase_add_test(tc,
                   a_node_that_stood_still_trusts_nothing_before_it_is_proved);
    tc = case_add(suite, "ends", 60);
    tcase_add_loop_test(tc,
                        a_device_of_a_node_that_is_stopped_goes_on_at_another,
                        0, sizeof(stops) / sizeof(*stops));
    tcase_add_test(tc, a_node_that_restarts_gracefully_gives_up_nothing);
    tcase_add_test(
        tc, a_death_while_a_device_moves_loses_nothing_and_holds_nothing);
    tcase_add_test(tc, a_device_that_goes_from_node_to_node_is_online_once);
    return case_run(suite);
}
