/*
 * The redis-servers of the tests: they start, end, stand still, and make a
 * cluster that heals.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "rediscluster.h"
#include "wait.h"

START_TEST(a_server_answers_dies_and_comes_back_empty)
{
    struct redis *r = redis_start(NULL);

    redis_call(r, "SET a %s", "b");
    ck_assert_str_eq(redis_call(r, "GET a")->str, "b");
    redis_kill(r);
    ck_assert_ptr_null(redis_try(r, "PING"));
    redis_again(r);
    ck_assert_int_eq(redis_call(r, "GET a")->type, REDIS_REPLY_NIL);
    wait_until(redis_call(r, "SORT_RO none") != NULL && redis_cpu(r) > 0);
}
END_TEST

START_TEST(an_append_only_file_outlives_a_crash)
{
    struct redis_options o = {.append = true, .lines = "appendfsync always\n"};
    struct redis *r = redis_start(&o);

    redis_call(r, "SET a b");
    redis_kill(r);
    redis_again(r);
    ck_assert_str_eq(redis_call(r, "GET a")->str, "b");
}
END_TEST

START_TEST(a_server_with_tls_and_users_tells_strangers_so)
{
    struct redis_options o = {
        .tls = true,
        .lines = "user default off\nuser admin on >secret ~* &* +@all\n",
        .user = "admin",
        .password = "secret"};
    struct redis *r = redis_start(&o);
    redisContext *stranger = redisConnect("127.0.0.1", r->port);
    redisReply *reply = redisCommand(stranger, "PING");

    ck_assert_str_eq(redis_call(r, "PING")->str, "PONG");
    ck_assert_int_eq(reply->type, REDIS_REPLY_ERROR);
    ck_assert_ptr_nonnull(strstr(redis_url(r), "rediss://"));
    freeReplyObject(reply);
    redisFree(stranger);
}
END_TEST

static bool serves(struct redis_cluster *c, const struct redis *old)
{
    struct redis *now = redis_cluster_master_of(c, 0);

    return now != NULL && now != old;
}

START_TEST(a_replica_takes_over_from_a_master_that_died)
{
    struct redis_cluster *c = redis_cluster_start(3, 1, NULL);
    struct redis *old = redis_cluster_master_of(c, 0);

    ck_assert_ptr_eq(old, c->servers[0]);
    ck_assert_ptr_eq(redis_cluster_replica_of(c, old), c->servers[3]);
    redis_kill(old);
    wait_until(serves(c, old));
    redis_again(old);
    wait_until(redis_cluster_is_well(c));
    ck_assert_str_eq(redis_info(old, "role"), "slave");
}
END_TEST

START_TEST(a_slot_moves_with_its_keys)
{
    struct redis_cluster *c = redis_cluster_start(2, 0, NULL);
    long long slot =
        redis_call(c->servers[0], "CLUSTER KEYSLOT {x}a")->integer;
    struct redis *from = redis_cluster_master_of(c, (int)slot);
    struct redis *to = c->servers[from == c->servers[0]];

    redis_call(from, "SET {x}a b");
    redis_cluster_move(c, (int)slot, (int)slot, to);
    ck_assert_str_eq(redis_call(to, "GET {x}a")->str, "b");
    ck_assert_int_eq(redis_try(from, "GET {x}a")->type, REDIS_REPLY_ERROR);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_harness");
    TCase *tc = case_add(suite, "redis", 60);

    tcase_add_test(tc, a_server_answers_dies_and_comes_back_empty);
    tcase_add_test(tc, an_append_only_file_outlives_a_crash);
    tcase_add_test(tc, a_server_with_tls_and_users_tells_strangers_so);
    tcase_add_test(tc, a_replica_takes_over_from_a_master_that_died);
    tcase_add_test(tc, a_slot_moves_with_its_keys);
    return case_run(suite);
}
