/*
 * The courier against a Redis that answers as it is told: every class of
 * error, replies cut anywhere, silence, redirections.
 */
#include "redis_fixture.h"

/* ---- what goes well ---- */

START_TEST(a_command_gets_its_reply)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request;

    fake_redis_answer(redis, "FCALL a", ":42\r\n");
    request = call(f, "FCALL a");
    ck_assert_int_eq(request->failure, PUSH_FAILURE_NONE);
    ck_assert_int_eq(push_reply_integer(request->reply), 42);
    ck_assert_uint_eq(request->answered, 0);
    wait_until(figures(f).commands == 1);
    ck_assert_uint_eq(figures(f).masters, 1);
    ck_assert_uint_eq(figures(f).away, 0);
    ck_assert_uint_eq(figures(f).replies, 1);
    ck_assert_uint_eq(push_courier_master(f->courier, 1023), 0);
}
END_TEST

START_TEST(who_has_a_password_says_it_first)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start_at(keep_printf("redis://push:secret@127.0.0.1:%d",
                                        fake_redis_port(redis)));

    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    ck_assert_uint_eq(fake_redis_count(redis, "AUTH push secret"),
                      fake_redis_connections(redis));
}
END_TEST

#define THREADS 8
#define CALLS   400

typedef struct {
    fixture_t *f;
    unsigned id;
    unsigned failed;
} caller_t;

static void *call_often(void *data)
{
    caller_t *caller = data;

    for (unsigned i = 0; i < CALLS; i++) {
        push_request_t request;
        char word[32];

        push_request_init(&request, i % PUSH_PARTITIONS);
        snprintf(word, sizeof(word), "%u", caller->id * CALLS + i);
        push_command_string(&request.command, "FCALL");
        push_command_string(&request.command, word);
        request.deadline = push_redis_now() + WAIT_MS;
        request.replicas = caller->id % 2;
        caller->failed += push_courier_call(caller->f->courier, &request)
                          != PUSH_FAILURE_NONE;
        push_request_cleanup(&request);
    }
    return NULL;
}

START_TEST(threads_that_send_at_once_get_a_reply_each)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    caller_t callers[THREADS];
    pthread_t threads[THREADS];
    unsigned failed = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (caller_t){f, i, 0};
        pthread_create(&threads[i], NULL, call_often, &callers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failed += callers[i].failed;
    }
    ck_assert_uint_eq(failed, 0);
    ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), THREADS * CALLS);
    wait_until(figures(f).commands == THREADS * CALLS);
    ck_assert_uint_eq(figures(f).under_way, 0);
}
END_TEST

/* ---- errors ---- */

static const struct {
    const char *error;
    push_failure_t failure;
} refusals[] = {
    {"-OOM command not allowed\r\n", PUSH_FAILURE_FULL},
    {"-NOREPLICAS Not enough\r\n", PUSH_FAILURE_REFUSED},
    {"-MISCONF Errors writing\r\n", PUSH_FAILURE_REFUSED},
    {"-BUSY Redis is busy\r\n", PUSH_FAILURE_REFUSED},
    {"-NOPERM no\r\n", PUSH_FAILURE_SETUP},
    {"-NOAUTH Authentication required.\r\n", PUSH_FAILURE_SETUP},
    {"-ERR something else\r\n", PUSH_FAILURE_ERROR},
};

START_TEST(an_error_of_redis_is_the_callers_with_its_text)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request;

    fake_redis_answer(redis, "FCALL", refusals[_i].error);
    request = call(f, "FCALL a");
    ck_assert_int_eq(request->failure, refusals[_i].failure);
    ck_assert_int_eq(push_reply_kind(request->reply), PUSH_REPLY_ERROR);
    ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), 1);
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    if (refusals[_i].failure != PUSH_FAILURE_ERROR) {
        ck_assert_int_eq(reported(f), refusals[_i].failure);
        ck_assert(report_has(f, keep_copy(refusals[_i].error + 1, 4)));
    }
}
END_TEST

static const char *const not_run[] = {
    "-TRYAGAIN Multiple keys\r\n", "-CLUSTERDOWN Hash slot not served\r\n",
    "-READONLY You can't write\r\n", "-LOADING Redis is loading\r\n",
    "-MASTERDOWN Link with MASTER is down\r\n"};

START_TEST(what_did_not_run_is_sent_again)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request;

    fake_redis_answer(redis, "FCALL", not_run[_i]);
    fake_redis_answer(redis, "FCALL", not_run[_i]);
    fake_redis_answer(redis, "FCALL", ":7\r\n");
    request = call(f, "FCALL a");
    ck_assert_int_eq(request->failure, PUSH_FAILURE_NONE);
    ck_assert_int_eq(push_reply_integer(request->reply), 7);
    ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), 3);
    wait_until(figures(f).again == 2);
}
END_TEST

START_TEST(what_does_not_run_until_its_deadline_says_why)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request = request_of("FCALL a");

    fake_redis_always(redis, "FCALL", not_run[0]);
    request->deadline = push_redis_now() + 400;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_AGAIN);
    ck_assert_int_ge(push_redis_now(), request->deadline);
    ck_assert(!strncmp(push_reply_text(request->reply).at, "TRYAGAIN", 8));
    ck_assert_uint_gt(fake_redis_count(redis, "FCALL"), 2);
}
END_TEST

START_TEST(what_is_for_one_master_is_sent_to_it_once)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request = request_of("FCALL a");

    fake_redis_always(redis, "FCALL", "-MOVED 8 127.0.0.1:1\r\n");
    request->master = 0;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_AGAIN);
    ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), 1);
    request = request_of("FCALL a");
    request->master = 9;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_AWAY);
}
END_TEST

/* ---- the library ---- */

START_TEST(a_master_without_the_library_gets_it_and_the_command_again)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request;

    fake_redis_answer(redis, "FCALL", "-ERR Function not found\r\n");
    fake_redis_answer(redis, "FCALL", ":7\r\n");
    fake_redis_answer(redis, "FUNCTION LOAD #!lua name=push",
                      "-ERR Library 'push' already exists\r\n");
    request = call(f, "FCALL a");
    ck_assert_int_eq(request->failure, PUSH_FAILURE_NONE);
    ck_assert_int_eq(push_reply_integer(request->reply), 7);
    ck_assert_uint_eq(fake_redis_count(redis, "FUNCTION LOAD"), 1);
    ck_assert_uint_eq(reports(f), 0);
}
END_TEST

START_TEST(a_library_that_redis_refuses_is_reported)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);

    fake_redis_always(redis, "FCALL", "-ERR Function not found\r\n");
    fake_redis_answer(redis, "FUNCTION", "-ERR Error compiling\r\n");
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_LIBRARY);
    ck_assert_int_eq(reported(f), PUSH_FAILURE_LIBRARY);
    ck_assert(report_has(f, "Error compiling"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_LIBRARY);
    ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), 3);
}
END_TEST

/* ---- redirections ---- */

START_TEST(a_slot_that_moved_is_followed_and_remembered)
{
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f;

    fake_redis_always(one, "CLUSTER SLOTS", map_of(one));
    fake_redis_always(two, "CLUSTER SLOTS", map_of(two));
    f = start(one);
    fake_redis_answer(one, "FCALL",
                      keep_printf("-MOVED 8 127.0.0.1:%d\r\n",
                                  fake_redis_port(two)));
    fake_redis_answer(two, "FCALL", ":2\r\n");
    fake_redis_answer(two, "FCALL", ":3\r\n");
    ck_assert_int_eq(push_reply_integer(call(f, "FCALL a")->reply), 2);
    ck_assert_uint_eq(fake_redis_count(one, "FCALL"), 1);
    ck_assert_uint_eq(fake_redis_count(two, "FCALL"), 1);
}
END_TEST

START_TEST(a_slot_that_moved_has_the_map_asked_for)
{
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f;

    fake_redis_answer(one, "CLUSTER SLOTS", map_of(one));
    fake_redis_always(one, "CLUSTER SLOTS", map_of(two));
    f = start(one);
    fake_redis_answer(one, "FCALL",
                      keep_printf("-MOVED 8 127.0.0.1:%d\r\n",
                                  fake_redis_port(two)));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    wait_until(push_courier_master(f->courier, 1023) == 1);
    ck_assert_uint_eq(figures(f).masters, 1);
}
END_TEST

/* It may be the only one who asks that master. */
START_TEST(a_master_that_is_none_any_more_has_the_map_asked_for)
{
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f;
    push_request_t *request = request_of("FCALL a");

    fake_redis_answer(one, "CLUSTER SLOTS", map_of(one));
    fake_redis_always(one, "CLUSTER SLOTS", map_of(two));
    f = start(one);
    fake_redis_answer(one, "FCALL", "-MOVED 8 127.0.0.1:1\r\n");
    request->master = 0;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_AGAIN);
    wait_until(push_courier_master(f->courier, 1023) == 1);
}
END_TEST

START_TEST(a_slot_on_its_way_is_asked_for_where_it_goes)
{
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f;

    fake_redis_always(one, "CLUSTER SLOTS", map_of(one));
    f = start(one);
    fake_redis_answer(one, "FCALL",
                      keep_printf("-ASK 8 127.0.0.1:%d\r\n",
                                  fake_redis_port(two)));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    ck_assert_uint_eq(fake_redis_count(two, "ASKING"), 1);
    ck_assert_uint_eq(fake_redis_count(two, "FCALL"), 1);
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    ck_assert_uint_eq(fake_redis_count(one, "FCALL"), 2);
    ck_assert_uint_eq(fake_redis_count(two, "ASKING"), 1);
}
END_TEST

/* ---- connections that break ---- */

static const char long_reply[] = "*2\r\n$5\r\nabcde\r\n:12\r\n";

START_TEST(a_reply_that_is_cut_leaves_the_outcome_unknown)
{
    struct fake_redis *redis = fake();

    for (size_t cut = 0; cut < sizeof(long_reply) - 1; cut++) {
        fixture_t *f = start(redis);
        push_request_t *request = request_of("FCALL a");

        request->deadline = push_redis_now() + WAIT_MS;
        fake_redis_cut(redis, "FCALL", long_reply, cut);
        push_courier_call(f->courier, request);
        ck_assert_int_eq(request->failure, PUSH_FAILURE_UNKNOWN);
        ck_assert_ptr_null(request->reply);
        ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), cut + 1);
        push_courier_stop(f->courier);
        f->courier = NULL;
    }
}
END_TEST

START_TEST(what_was_answered_before_the_end_is_whole)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request;

    fake_redis_cut(redis, "FCALL", long_reply, sizeof(long_reply) - 1);
    request = call(f, "FCALL a");
    ck_assert_int_eq(request->failure, PUSH_FAILURE_NONE);
    ck_assert_uint_eq(push_reply_count(request->reply), 2);
    /* What goes out before the end was seen is lost with it. */
    wait_until(call(f, "FCALL a")->failure == PUSH_FAILURE_NONE);
}
END_TEST

START_TEST(a_lost_connection_is_made_again)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);

    for (unsigned i = 0; i < 5; i++) {
        push_request_t *request = request_of("FCALL a");
        unsigned before = fake_redis_connections(redis);

        request->deadline = push_redis_now() + WAIT_MS;
        ck_assert_int_ne(push_courier_call(f->courier, request),
                         PUSH_FAILURE_AWAY);
        fake_redis_hang_up(redis);
        wait_until(fake_redis_connections(redis) > before);
    }
    wait_until(call(f, "FCALL a")->failure == PUSH_FAILURE_NONE);
}
END_TEST

START_TEST(silence_ends_at_the_deadline_and_then_all_fails_at_once)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *request = request_of("FCALL a");
    int64_t before;

    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    fake_redis_freeze(redis, true);
    request->deadline = push_redis_now() + 100;
    before = push_redis_now();
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_UNKNOWN);
    ck_assert_int_ge(push_redis_now(), before + 100);
    wait_until(figures(f).away == 1);
    wait_until(reported(f) == PUSH_FAILURE_AWAY);
    before = push_redis_now();
    request = request_of("FCALL a");
    request->deadline = before + WAIT_MS;
    ck_assert_int_eq(push_courier_call(f->courier, request),
                     PUSH_FAILURE_AWAY);
    ck_assert_int_lt(push_redis_now(), before + WAIT_MS);
    fake_redis_freeze(redis, false);
    wait_until(reported(f) == PUSH_FAILURE_NONE && figures(f).away == 0);
    wait_until(call(f, "FCALL a")->failure == PUSH_FAILURE_NONE);
}
END_TEST

START_TEST(a_late_reply_is_not_the_next_ones)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start(redis);
    push_request_t *late = request_of("FCALL late");
    push_request_t *next;

    fake_redis_answer(redis, "FCALL late", ":1\r\n");
    fake_redis_answer(redis, "FCALL next", ":2\r\n");
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    fake_redis_freeze(redis, true);
    late->deadline = push_redis_now() + 20;
    ck_assert_int_eq(push_courier_call(f->courier, late),
                     PUSH_FAILURE_UNKNOWN);
    fake_redis_freeze(redis, false);
    next = request_of("FCALL next");
    next->deadline = push_redis_now() + WAIT_MS;
    push_courier_call(f->courier, next);
    if (next->failure == PUSH_FAILURE_NONE) {
        ck_assert_int_eq(push_reply_integer(next->reply), 2);
    }
    else {
        ck_assert_int_eq(next->failure, PUSH_FAILURE_UNKNOWN);
    }
}
END_TEST

START_TEST(what_is_no_redis_is_reported)
{
    struct fake_redis *redis = fake();
    fixture_t *f;

    fake_redis_always(redis, "PING", "HTTP/1.1 400 Bad Request\r\n");
    f = start(redis);
    wait_until(reported(f) == PUSH_FAILURE_AWAY);
    ck_assert(report_has(f, "protocol"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
}
END_TEST

/* A proxy with TLS says so (RFC 8446, section 6); Redis itself hangs up. */
START_TEST(a_port_with_tls_is_named)
{
    struct fake_redis *redis = fake();
    fixture_t *f;

    fake_redis_always(redis, "PING", "\x15\x03\x01\x02");
    f = start(redis);
    wait_until(reported(f) == PUSH_FAILURE_SETUP);
    ck_assert(report_has(f, "this port speaks TLS: use rediss://"));
    redis = fake();
    for (int i = 0; i < 100; i++) {
        fake_redis_cut(redis, "PING", "+PONG", 0);
    }
    f = start(redis);
    wait_until(reported(f) == PUSH_FAILURE_AWAY);
    ck_assert(report_has(f, "use rediss://"));
}
END_TEST

static const struct {
    const char *words, *error;
    push_failure_t failure;
} greetings[] = {
    {"AUTH", "-WRONGPASS invalid username-password pair\r\n",
     PUSH_FAILURE_SETUP},
    {"AUTH", "-ERR AUTH <password> called without any password configured\r\n",
     PUSH_FAILURE_SETUP},
    {"PING", "-NOPERM no ping\r\n", PUSH_FAILURE_SETUP},
    {"PING", "-LOADING Redis is loading\r\n", PUSH_FAILURE_AGAIN},
    {"AUTH", "-ERR max number of clients reached\r\n", PUSH_FAILURE_REFUSED},
    {"CLUSTER", "-NOPERM no cluster\r\n", PUSH_FAILURE_SETUP},
    {"ROLE", "-NOPERM no role\r\n", PUSH_FAILURE_SETUP},
    {"ROLE", "*1\r\n$8\r\nsentinel\r\n", PUSH_FAILURE_SETUP},
};

START_TEST(a_greeting_that_fails_says_what_redis_said)
{
    struct fake_redis *redis = fake();
    fixture_t *f;

    fake_redis_always(redis, greetings[_i].words, greetings[_i].error);
    f = start_at(
        keep_printf("redis://:secret@127.0.0.1:%d", fake_redis_port(redis)));
    wait_until(reported(f) == greetings[_i].failure);
    ck_assert(report_has(f, "127.0.0.1:"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
    ck_assert_uint_eq(reports(f), 1);
}
END_TEST

START_TEST(where_nobody_listens_all_fails_at_once_and_is_reported_once)
{
    struct fake_redis *redis = fake_redis_start();
    int port = fake_redis_port(redis);
    fixture_t *f;

    fake_redis_stop(redis);
    f = start_at(keep_printf("redis://127.0.0.1:%d", port));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
    wait_until(reported(f) == PUSH_FAILURE_AWAY);
    ck_assert(report_has(f, "refused"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
    ck_assert_uint_eq(reports(f), 1);
}
END_TEST

START_TEST(a_name_is_resolved_and_one_that_is_not_known_is_reported)
{
    struct fake_redis *redis = fake();
    fixture_t *f = start_at(
        keep_printf("redis://localhost:%d", fake_redis_port(redis)));

    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    f = start_at("redis://no-such-host.invalid");
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
    wait_until(reported(f) == PUSH_FAILURE_AWAY);
    ck_assert(report_has(f, "no-such-host.invalid:6379: the "
                            "name"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis_courier");
    TCase *tc = case_add(suite, "well", 40);

    tcase_add_test(tc, a_command_gets_its_reply);
    tcase_add_test(tc, who_has_a_password_says_it_first);
    tcase_add_test(tc, threads_that_send_at_once_get_a_reply_each);
    tc = case_add(suite, "errors", 40);
    tcase_add_row_test(tc, an_error_of_redis_is_the_callers_with_its_text,
                       refusals);
    tcase_add_row_test(tc, what_did_not_run_is_sent_again, not_run);
    tcase_add_test(tc, what_does_not_run_until_its_deadline_says_why);
    tcase_add_test(tc, what_is_for_one_master_is_sent_to_it_once);
    tcase_add_test(tc,
                   a_master_without_the_library_gets_it_and_the_command_again);
    tcase_add_test(tc, a_library_that_redis_refuses_is_reported);
    tc = case_add(suite, "redirections", 40);
    tcase_add_test(tc, a_slot_that_moved_is_followed_and_remembered);
    tcase_add_test(tc, a_slot_that_moved_has_the_map_asked_for);
    tcase_add_test(tc, a_master_that_is_none_any_more_has_the_map_asked_for);
    tcase_add_test(tc, a_slot_on_its_way_is_asked_for_where_it_goes);
    tc = case_add(suite, "connections", 60);
    tcase_add_test(tc, a_reply_that_is_cut_leaves_the_outcome_unknown);
    tcase_add_test(tc, what_was_answered_before_the_end_is_whole);
    tcase_add_test(tc, a_lost_connection_is_made_again);
    tcase_add_test(tc,
                   silence_ends_at_the_deadline_and_then_all_fails_at_once);
    tcase_add_test(tc, a_late_reply_is_not_the_next_ones);
    tcase_add_test(tc, what_is_no_redis_is_reported);
    tcase_add_test(tc, a_port_with_tls_is_named);
    tcase_add_row_test(tc, a_greeting_that_fails_says_what_redis_said,
                       greetings);
    tcase_add_test(
        tc, where_nobody_listens_all_fails_at_once_and_is_reported_once);
    tcase_add_test(tc,
                   a_name_is_resolved_and_one_that_is_not_known_is_reported);
    return case_run(suite);
}
