/*
 * Lots that wait for replicas, very many commands, the end, and sentinels.
 */
#include "redis_fixture.h"

#include "redis/client_call.h"

/* ---- lots ---- */

START_TEST(what_replicas_must_have_is_over_when_they_have_it)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request = request_of("FCALL a");

    request->replicas = 1;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_NONE);
    ck_assert_uint_eq(request->replicated, 1);
    ck_assert_uint_eq(fake_redis_count(redis, "WAIT 1 200"), 1);
    request = request_of("FCALL a");
    request->replicas = 2;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_REPLICAS);
    ck_assert_uint_eq(request->replicated, 1);
    ck_assert_ptr_nonnull(request->reply);
}
END_TEST

START_TEST(an_error_in_a_lot_is_its_own_commands_alone)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *bad = request_of("FCALL bad");
    push_request_t *moved = request_of("FCALL moved");
    push_request_t *good = request_of("FCALL good");

    fake_redis_answer(redis, "FCALL bad", "-OOM no\r\n");
    fake_redis_answer(redis, "FCALL moved", "-TRYAGAIN no\r\n");
    bad->replicas = moved->replicas = good->replicas = 1;
    push_courier_send(f->courier, bad);
    push_courier_send(f->courier, moved);
    push_courier_send(f->courier, good);
    push_courier_wait(f->courier, bad);
    push_courier_wait(f->courier, moved);
    push_courier_wait(f->courier, good);
    ck_assert_int_eq(bad->failure, PUSH_FAILURE_FULL);
    ck_assert_int_eq(moved->failure, PUSH_FAILURE_NONE);
    ck_assert_int_eq(good->failure, PUSH_FAILURE_NONE);
    ck_assert_uint_eq(fake_redis_count(redis, "FCALL moved"), 2);
}
END_TEST

START_TEST(what_comes_while_both_lots_wait_is_the_next_lot)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *requests[40];

    for (unsigned i = 0; i < 40; i++) {
        requests[i] = request_of("FCALL a");
        requests[i]->replicas = 1;
        requests[i]->deadline = push_redis_now() + WAIT_MS;
    }
    /* The fake answers WAIT when it is told so: a lot each waits. */
    fake_redis_answer(redis, "WAIT", "");
    fake_redis_answer(redis, "WAIT", "");
    push_courier_send(f->courier, requests[0]);
    wait_until(fake_redis_count(redis, "WAIT") == 1);
    push_courier_send(f->courier, requests[1]);
    wait_until(fake_redis_count(redis, "WAIT") == 2);
    for (unsigned i = 2; i < 40; i++) {
        push_courier_send(f->courier, requests[i]);
    }
    fake_redis_say(redis, ":1\r\n");
    for (unsigned i = 0; i < 40; i++) {
        push_courier_wait(f->courier, requests[i]);
    }
    ck_assert_int_eq(requests[0]->failure, PUSH_FAILURE_NONE);
    ck_assert_uint_le(fake_redis_count(redis, "WAIT"), 6);
}
END_TEST

START_TEST(a_connection_lost_before_its_wait_says_replicas_or_unknown)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request = request_of("FCALL a");

    request->replicas = 1;
    fake_redis_cut(redis, "WAIT", "", 0);
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_REPLICAS);
    ck_assert_uint_eq(request->replicated, 0);
    fake_redis_cut(redis, "FCALL", "", 0);
    wait_until(figures(f).away == 0);
    request = request_of("FCALL a");
    request->replicas = 1;
    request->deadline = push_redis_now() + WAIT_MS;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_UNKNOWN);
}
END_TEST

static push_failure_t call_in_a_lot(fixture_t *f)
{
    push_request_t *request = request_of("FCALL a");

    request->replicas = 1;
    return push_courier_call(f->courier, request);
}

START_TEST(lots_go_again_when_both_of_their_connections_were_refused)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);

    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    fake_redis_answer(redis, "PING", "-LOADING not yet\r\n");
    fake_redis_answer(redis, "PING", "-LOADING not yet\r\n");
    ck_assert_int_eq(call_in_a_lot(f), PUSH_FAILURE_AWAY);
    wait_until(call_in_a_lot(f) == PUSH_FAILURE_NONE);
}
END_TEST

/* ---- many, and the end ---- */

static atomic_uint over;

static void count_over(push_request_t *request)
{
    (void)request;
    atomic_fetch_add(&over, 1);
}

typedef struct {
    fixture_t *f;
    push_request_t *requests[PUSH_COURIER_COMMANDS + 1];
    atomic_uint sent;
} flood_t;

static void *flood(void *data)
{
    flood_t *all = data;

    for (unsigned i = 0; i <= PUSH_COURIER_COMMANDS; i++) {
        push_courier_send(all->f->courier, all->requests[i]);
        atomic_fetch_add(&all->sent, 1);
    }
    return NULL;
}

START_TEST(who_sends_more_than_4096_waits_until_some_are_over)
{
    struct fake_redis *redis = fake();
    flood_t *all = keep(calloc(1, sizeof(*all)), free);
    pthread_t thread;

    for (unsigned i = 0; i <= PUSH_COURIER_COMMANDS; i++) {
        all->requests[i] = request_of("FCALL a");
        all->requests[i]->done = count_over;
        all->requests[i]->deadline = push_redis_now() + WAIT_MS;
    }
    all->f = start(redis);
    ck_assert_int_eq(call(all->f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    fake_redis_freeze(redis, true);
    pthread_create(&thread, NULL, flood, all);
    wait_until(atomic_load(&all->sent) == PUSH_COURIER_COMMANDS);
    ck_assert_uint_eq(atomic_load(&over), 0);
    fake_redis_freeze(redis, false);
    pthread_join(thread, NULL);
    wait_until(atomic_load(&over) == PUSH_COURIER_COMMANDS + 1);
}
END_TEST

static void send_again(push_request_t *request)
{
    fixture_t *f = request->data;

    if (request->failure == PUSH_FAILURE_NONE
        && atomic_fetch_add(&over, 1) < 100) {
        push_reply_free(push_request_take(request));
        push_courier_send(f->courier, request);
    }
}

START_TEST(what_is_over_may_be_sent_again_at_once)
{
    struct fake_redis *redis = fake();
    push_request_t *request = request_of("FCALL a");
    fixture_t *f = start(redis);

    request->done = send_again;
    request->data = f;
    request->deadline = push_redis_now() + WAIT_MS;
    push_courier_send(f->courier, request);
    wait_until(fake_redis_count(redis, "FCALL") == 101);
}
END_TEST

static atomic_uint failures[PUSH_FAILURES];

static void count_failure(push_request_t *request)
{
    atomic_fetch_add(&failures[request->failure], 1);
}

START_TEST(at_the_end_all_is_over_and_says_whether_it_may_have_run)
{
    struct fake_redis *redis = fake();
    push_request_t *sent = request_of("FCALL a");
    push_request_t *waiting = request_of("FCALL b");
    fixture_t *f;

    /* Nobody has the slot of the last partition. */
    fake_redis_always(redis, "CLUSTER SLOTS",
                      keep_printf("*1\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$9\r\n"
                                  "127.0.0.1\r\n:%d\r\n",
                                  fake_redis_port(redis)));
    fake_redis_always(redis, "FCALL a", "");
    f = start(redis);
    waiting->command.partition = 1023;
    sent->done = waiting->done = count_failure;
    sent->deadline = waiting->deadline = push_redis_now() + WAIT_MS;
    push_courier_send(f->courier, waiting);
    push_courier_send(f->courier, sent);
    wait_until(fake_redis_count(redis, "FCALL a") == 1);
    push_courier_stop(f->courier);
    f->courier = NULL;
    ck_assert_uint_eq(atomic_load(&failures[PUSH_FAILURE_UNKNOWN]), 1);
    ck_assert_uint_eq(atomic_load(&failures[PUSH_FAILURE_STOPPED]), 1);
    ck_assert_int_eq(sent->failure, PUSH_FAILURE_UNKNOWN);
}
END_TEST

static void fill_load(void *data, push_command_t *command)
{
    fill_library(data, command);
}

static void see(void *data, const push_request_t *request)
{
    *(unsigned *)data += request->failure == PUSH_FAILURE_NONE;
}

START_TEST(a_command_for_every_master_reaches_each)
{
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f = start(one);
    unsigned seen = 0;
    push_courier_every_t every = {fill_load, see, &seen, 0};

    fake_redis_always(
        one, "CLUSTER SLOTS",
        keep_printf("*2\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d"
                    "\r\n*3\r\n:8192\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n"
                    ":%d\r\n",
                    fake_redis_port(one), fake_redis_port(two)));
    wait_until(push_courier_master(f->courier, 1023) == 1);
    ck_assert_int_eq(push_courier_every(f->courier, &every),
                     PUSH_FAILURE_NONE);
    ck_assert_uint_eq(seen, 2);
    ck_assert_uint_eq(fake_redis_count(one, "FUNCTION LOAD"), 1);
    ck_assert_uint_eq(fake_redis_count(two, "FUNCTION LOAD"), 1);
    fake_redis_answer(two, "FUNCTION", "-OOM no\r\n");
    ck_assert_int_eq(push_courier_every(f->courier, &every),
                     PUSH_FAILURE_FULL);
}
END_TEST

START_TEST(who_has_no_thread_calls_and_waits)
{
    struct fake_redis *redis = fake();
    push_redis_settings_t settings = {.count = 0};
    const push_client_hooks_t hooks = {.data = NULL};
    char why[PUSH_REDIS_WHY];
    push_client_t *client;
    push_request_t *request = request_of("FCALL a");

    ck_assert(push_redis_settings_add(
        &settings, keep_printf("redis://localhost:%d", fake_redis_port(redis)),
        why));
    client = push_client_create(&settings, &hooks);
    fake_redis_answer(redis, "FCALL", ":5\r\n");
    push_client_call(client, request);
    ck_assert_int_eq(push_reply_integer(request->reply), 5);
    fake_redis_freeze(redis, true);
    request = request_of("FCALL a");
    request->deadline = push_redis_now() + 100;
    push_client_call(client, request);
    ck_assert_int_eq(request->failure, PUSH_FAILURE_UNKNOWN);
    push_client_destroy(client);
}
END_TEST

/* ---- sentinels ---- */

START_TEST(sentinels_say_who_the_master_is_and_are_asked_again)
{
    struct fake_redis *sentinel = fake();
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f;

    fake_redis_always(sentinel, "AUTH",
                      "-ERR AUTH called without any "
                      "password\r\n");
    fake_redis_answer(sentinel, "SENTINEL get-master-addr-by-name main",
                      keep_printf("*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n",
                                  fake_redis_port(one) > 9999 ? 5 : 4,
                                  fake_redis_port(one)));
    fake_redis_always(sentinel, "SENTINEL get-master-addr-by-name main",
                      keep_printf("*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n",
                                  fake_redis_port(two) > 9999 ? 5 : 4,
                                  fake_redis_port(two)));
    fake_redis_always(one, "FCALL", "-READONLY You can't write\r\n");
    f = start_at(keep_printf("redis+sentinel://:secret@127.0.0.1:%d/main",
                             fake_redis_port(sentinel)));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    ck_assert_uint_ge(fake_redis_count(one, "FCALL"), 1);
    ck_assert_uint_eq(fake_redis_count(two, "FCALL"), 1);
    ck_assert_uint_ge(fake_redis_count(two, "ROLE"), 1);
    ck_assert_uint_eq(fake_redis_count(sentinel, "FCALL"), 0);
}
END_TEST

START_TEST(a_name_that_no_sentinel_knows_is_reported)
{
    struct fake_redis *sentinel = fake();
    fixture_t *f;

    fake_redis_always(sentinel, "SENTINEL", "*-1\r\n");
    f = start_at(keep_printf("redis+sentinel://127.0.0.1:%d/main",
                             fake_redis_port(sentinel)));
    wait_until(reported(f) == PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, "no master of this name"));
}
END_TEST

START_TEST(a_replica_is_passed_over_for_its_master)
{
    struct fake_redis *replica = fake();
    struct fake_redis *master = fake();
    fixture_t *f;

    fake_redis_always(replica, "ROLE",
                      keep_printf("*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n"
                                  ":%d\r\n$9\r\nconnected\r\n:1\r\n",
                                  fake_redis_port(master)));
    f = start(replica);
    wait_until(call(f, "FCALL a")->failure == PUSH_FAILURE_NONE);
    ck_assert_uint_eq(fake_redis_count(replica, "FCALL"), 0);
    ck_assert_uint_eq(fake_redis_count(master, "FCALL"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_lots");
    TCase *tc = case_add(suite, "lots", 40);
    tcase_add_test(tc, what_replicas_must_have_is_over_when_they_have_it);
    tcase_add_test(tc, an_error_in_a_lot_is_its_own_commands_alone);
    tcase_add_test(tc, what_comes_while_both_lots_wait_is_the_next_lot);
    tcase_add_test(tc,
                   a_connection_lost_before_its_wait_says_replicas_or_unknown);
    tcase_add_test(tc,
                   lots_go_again_when_both_of_their_connections_were_refused);
    tc = case_add(suite, "ends", 60);
    tcase_add_test(tc, who_sends_more_than_4096_waits_until_some_are_over);
    tcase_add_test(tc, what_is_over_may_be_sent_again_at_once);
    tcase_add_test(tc,
                   at_the_end_all_is_over_and_says_whether_it_may_have_run);
    tcase_add_test(tc, a_command_for_every_master_reaches_each);
    tcase_add_test(tc, who_has_no_thread_calls_and_waits);
    tc = case_add(suite, "sentinels", 40);
    tcase_add_test(tc, sentinels_say_who_the_master_is_and_are_asked_again);
    tcase_add_test(tc, a_name_that_no_sentinel_knows_is_reported);
    tcase_add_test(tc, a_replica_is_passed_over_for_its_master);
    return case_run(suite);
}
