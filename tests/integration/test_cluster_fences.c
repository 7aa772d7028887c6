/*
 * What a node that was deaf for a while believes to own: it is found out by
 * what is written, and nothing is lost on the way. Nor is it in a long log, or
 * while Redis has no room on its disk.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "cluster.h"
#include "disk.h"
#include "keep.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"
#include "wire.h"

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

/* In the inbox of a node: another one asked for the device when it had this
 * fence. */
static void ask_for(struct redis *r, const char *log, int fence,
                    const struct server *owner, const struct server *other)
{
    const char *records = key_of(r, "*Duada");
    int base = (int)(strchr(records, '}') + 1 - records);
    const redisReply *context = redis_call(r, "HKEYS %s", records)->element[0];
    const unsigned char number[4] = {0, 0, 0, (unsigned char)fence};

    redis_call(r, "FCALL push_send 3 %s %s %s 0 %s %b Y %d %b %d %s", records,
               keep_printf("%.*sf", base, records),
               keep_printf("%.*sh", base, records), log, context->str,
               context->len, (int)number_of(r, owner, 0), number,
               sizeof(number), (int)number_of(r, other, 0), "");
}

/* As a master has it in an inbox that was a replica for a while. */
START_TEST(what_was_asked_for_long_ago_ends_no_stream)
{
    struct cluster *c = two_nodes();
    struct stream *st;

    for (int i = 0; i < 3; i++) {
        st = stream_open(c->nodes[i % 2], "user=ada&device=d&seq=0", NULL);
    }
    ask_for(c->redis, "uada", 1, c->nodes[0], c->nodes[1]);
    publish(c->nodes[1], "user=ada", NULL, "still here");
    expect_message(st, 1, "still here");
    ask_for(c->redis, "uada",
            (int)record_fence(c->redis, key_of(c->redis, "*Duada")),
            c->nodes[0], c->nodes[1]);
    stream_expect_bye(st, "superseded");
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

/* ---- a log of several MiB ---- */

enum { LARGE = 500, LARGE_BYTES = 10000 };

/* In a process of its own, whose end says whether all was accepted. */
static pid_t publish_large(const struct server *node)
{
    char text[LARGE_BYTES + 1];
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memset(text, 'x', LARGE_BYTES);
    text[LARGE_BYTES] = '\0';
    for (int i = 0; i < LARGE; i++) {
        memcpy(text, keep_printf("%04d", i), 4);
        if (publish_try(node, "user=anna", NULL, text)->status != 201) {
            _exit(1);
        }
    }
    _exit(0);
}

static void expect_large(struct stream *st, int from, int to)
{
    for (int i = from; i < to; i++) {
        const struct event *e = stream_next(st);

        ck_assert_uint_eq(e->length, LARGE_BYTES);
        ck_assert_int_eq(atoi(e->data), i);
        ck_assert_int_eq(e->seq, i + 1);
    }
}

START_TEST(a_long_log_is_whole_at_all_nodes_whatever_they_missed)
{
    struct cluster *c = cluster_start(&(struct cluster_options){.nodes = 3});
    struct stream *here = stream_open(c->nodes[0], "user=anna&device=a", NULL);
    struct stream *away = stream_open(c->nodes[1], "user=anna&device=b", NULL);
    struct stream *late;
    pid_t publisher;
    int status;

    for (int i = 0; i < c->count; i++) {
        server_allow(c->nodes[i], "PUSH0202");
    }
    cluster_pause(c->nodes[1]);
    publisher = publish_large(c->nodes[0]);
    expect_large(here, 0, LARGE / 2);
    /* One loads all of it; the other lacks half of it, and has no inbox. */
    late = stream_open(c->nodes[2], "user=anna&device=c", NULL);
    redis_call(c->redis, "FUNCTION FLUSH SYNC");
    cluster_continue(c->nodes[1]);
    expect_large(here, LARGE / 2, LARGE);
    expect_large(late, 0, LARGE);
    expect_large(away, 0, LARGE);
    ck_assert_int_eq(waitpid(publisher, &status, 0), publisher);
    ck_assert_int_eq(status, 0);
    publish(c->nodes[0], "user=anna", NULL, "last");
    expect_message(here, LARGE + 1, "last");
    expect_message(late, LARGE + 1, "last");
    expect_message(away, LARGE + 1, "last");
}
END_TEST

/* ---- a full disk ---- */

/* Until it is refused: what was accepted arrives.  Gives its number. */
static int publish_until_refused(struct cluster *c, struct stream *st,
                                 int number)
{
    struct answer *a = publish_try(c->nodes[0], "user=anna", NULL,
                                   keep_printf("m%d", number));

    while (a->status == 201) {
        expect_message(st, number, keep_printf("m%d", number));
        number++;
        a = publish_try(c->nodes[0], "user=anna", NULL,
                        keep_printf("m%d", number));
    }
    http_expect(a, 503, NULL);
    ck_assert_ptr_nonnull(http_header(a, "Retry-After"));
    return number;
}

START_TEST(while_the_disk_of_redis_is_full_nothing_is_taken_and_nothing_lost)
{
    const char *disk = disk_mount("16m");
    struct cluster *c;
    struct stream *st;
    int count;

    if (disk == NULL) {
        return;
    }
    ck_assert_int_eq(mkdir(keep_printf("%s/logs", disk), 0755), 0);
    c = cluster_start(&(struct cluster_options){
        .nodes = 2,
        .redis = {.append = true, .lines = keep_printf("dir %s\n", disk)}});
    for (int i = 0; i < c->count; i++) {
        server_allow(c->nodes[i], "PUSH");
    }
    st = stream_open(c->nodes[1], "user=anna&device=d", NULL);
    publish(c->nodes[0], "user=anna", NULL, "m1");
    expect_message(st, 1, "m1");
    disk_fill(disk);
    count = publish_until_refused(c, st, 2);
    wait_until(serverlog_count(c->nodes[0], "PUSH0215") > 0);
    disk_empty(disk);
    wait_until(
        publish_try(c->nodes[0], "user=anna", NULL, keep_printf("m%d", count))
            ->status
        == 201);
    expect_message(st, count, keep_printf("m%d", count));
    /* And all of it is on the disk. */
    redis_kill(c->redis);
    redis_again(c->redis);
    cluster_await_well(c);
    wait_until(
        (st = stream_try(c->nodes[0], "user=anna&device=e", NULL))->status
        == 200);
    for (int i = 1; i <= count; i++) {
        expect_message(st, i, keep_printf("m%d", i));
    }
}
END_TEST

/* ---- a claim that comes too late ---- */

/* A client has left long before, and has a stream elsewhere. */
#define LATE_MS 6000

/* Where nothing is published, each says that a node was asked for a device. */
static long long wakes_sent(struct redis *r)
{
    static const char name[] = "cmdstat_spublish:calls=";
    const redisReply *stats = redis_call(r, "INFO commandstats");
    const char *at = strstr(stats->str, name);

    return at != NULL ? atoll(at + sizeof(name) - 1) : 0;
}

static const char request[] =
    "GET /ramen/receive?user=ada&device=d&seq=0 HTTP/1.1\r\n"
    "Host: localhost\r\n\r\n";

/* Node 0 goes on, and leaves ada's device to node 1. */
static void expect_nothing_taken(struct cluster *c, struct wire *w,
                                 struct stream *st)
{
    cluster_continue(c->nodes[0]);
    ck_assert(wire_receive(w, wait_now() + LATE_MS));
    ck_assert_msg(strstr(w->bytes, " 503 ") != NULL, "%s", w->bytes);
    publish(c->nodes[1], "user=ada", NULL, "here");
    ck_assert_str_eq(stream_next(st)->data, "here");
}

START_TEST(a_node_that_stood_still_gives_up_what_it_was_claiming)
{
    struct cluster *c = two_nodes();
    struct wire *w = wire_open(c->nodes[0], 0);
    struct stream *st;
    long long before;
    int64_t asked;

    server_allow(c->nodes[0], "PUSH0207");
    st = stream_open(c->nodes[1], "user=ada&device=d&seq=0", NULL);
    cluster_pause(c->nodes[1]);
    before = wakes_sent(c->redis);
    wire_send(w, request, sizeof(request) - 1);
    wait_until(wakes_sent(c->redis) > before);
    asked = wait_now();
    cluster_pause(c->nodes[0]);
    cluster_continue(c->nodes[1]);
    stream_expect_bye(st, "superseded");
    wait_until(
        (st = stream_try(c->nodes[1], "user=ada&device=d&seq=0", NULL))->status
        == 200);
    wait_until(wait_now() - asked >= LATE_MS);
    expect_nothing_taken(c, w, st);
}
END_TEST

/* ---- an acknowledgement that crosses a check-in ---- */

/* Connections whose command Redis does not run, as it is told to wait. */
static int held(struct redis *r)
{
    const char *at = redis_call(r, "CLIENT LIST")->str;
    int count = 0;

    at = strstr(at, " flags=b ");
    while (at != NULL) {
        count++;
        at = strstr(at + 1, " flags=b ");
    }
    return count;
}

static long long record_owner(struct redis *r, const char *key)
{
    return redis_call(r, "EVAL %s 1 %s",
                      "local all = redis.call('HGETALL', KEYS[1])"
                      "local owner = struct.unpack('>I2', all[2])"
                      "return owner",
                      key)
        ->integer;
}

static struct wire *ask(const struct server *node, const char *method,
                        const char *target)
{
    struct wire *w = wire_open(node, 0);
    const char *text = keep_printf("%s /ramen/%s HTTP/1.1\r\n"
                                   "Host: localhost\r\n"
                                   "Content-Length: 0\r\n\r\n",
                                   method, target);

    wire_send(w, text, strlen(text));
    return w;
}

START_TEST(an_acknowledgement_ends_no_stream_that_began_meanwhile)
{
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2, .node = {.global = "PushClusterLinger 1\n"}});
    struct stream *st = stream_open(c->nodes[1], "user=ada&device=d&seq=0",
                                    NULL);
    const char *mid = publish(c->nodes[0], "user=ada", NULL, "one");
    struct wire *ack, *receive;
    const char *key;

    expect_message(st, 1, "one");
    key = key_of(c->redis, "*Duada");
    leave(c->nodes[1], st);
    wait_until(record_owner(c->redis, key) == 0);
    /* Each node's drain is held, then these two, in this order. */
    redis_call(c->redis, "CLIENT PAUSE 60000 WRITE");
    wait_until(held(c->redis) == 2);
    ack = ask(c->nodes[0], "POST",
              keep_printf("ack?user=ada&device=d&id=1.%s", mid));
    wait_until(held(c->redis) == 3);
    receive = ask(c->nodes[1], "GET", "receive?user=ada&device=d&seq=0");
    wait_until(held(c->redis) == 4);
    redis_call(c->redis, "CLIENT UNPAUSE");
    st = stream_begin(receive, http_head(receive, wait_now() + WAIT_MS));
    ck_assert_int_eq(st->status, 200);
    ck_assert(wire_receive(ack, wait_now() + WAIT_MS));
    /* It was held for so long that it may be told to come again. */
    ck_assert_msg(strstr(ack->bytes, " 204 ") != NULL
                      || strstr(ack->bytes, " 503 ") != NULL,
                  "%s", ack->bytes);
    publish(c->nodes[0], "user=ada", NULL, "two");
    while (strcmp(stream_next(st)->data, "two") != 0) {
    }
}
END_TEST

/* A proxy keeps its side open though the client has gone to another node. */
START_TEST(what_waited_at_a_node_that_stood_still_takes_no_device)
{
    struct cluster *c = two_nodes();
    struct wire *w = NULL;
    struct stream *st;
    int64_t asked = wait_now();

    server_allow(c->nodes[0], "PUSH0207");
    cluster_pause(c->nodes[0]);
    w = wire_open(c->nodes[0], 0);
    wire_send(w, request, sizeof(request) - 1);
    st = stream_open(c->nodes[1], "user=ada&device=d&seq=0", NULL);
    wait_until(wait_now() - asked >= LATE_MS);
    expect_nothing_taken(c, w, st);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_fences");
    TCase *tc = case_add(suite, "fences", 60);

    tcase_add_test(tc, a_node_whose_number_is_given_away_goes_on_by_another);
    tcase_add_test(tc, a_fence_of_ours_whose_answer_was_lost_is_found);
    tcase_add_test(tc, what_was_asked_for_long_ago_ends_no_stream);
    tcase_add_test(tc, a_node_that_stood_still_gives_up_what_it_was_claiming);
    tcase_add_test(tc, what_waited_at_a_node_that_stood_still_takes_no_device);
    tcase_add_test(tc, whose_a_device_is_is_asked_after_a_failover);
    tcase_add_test(tc,
                   a_node_that_stood_still_trusts_nothing_before_it_is_proved);
    tcase_add_test(tc, a_long_log_is_whole_at_all_nodes_whatever_they_missed);
    tcase_add_test(
        tc, while_the_disk_of_redis_is_full_nothing_is_taken_and_nothing_lost);
    tc = case_add(suite, "crossing", 60);
    tcase_add_test(tc, an_acknowledgement_ends_no_stream_that_began_meanwhile);
    return case_run(suite);
}
