/*
 * The courier against a Redis that answers as it is told: every class of
 * error, replies cut anywhere, silence, redirections, lots.
 */
#include "case.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_redis.h"
#include "keep.h"
#include "redis/client_call.h"
#include "redis/courier.h"
#include "wait.h"

/* Servers that do not answer are given up quickly. */
#define SHORT_MS 250

/* ---- one courier, and what it reports ---- */

typedef struct {
    push_redis_settings_t settings;
    push_courier_t *courier;
    pthread_mutex_t lock;
    unsigned reports;
    push_failure_t last;
    char text[PUSH_REDIS_WHY * 2];
} fixture_t;

static void note(void *data, const push_redis_trouble_t *trouble)
{
    fixture_t *f = data;

    pthread_mutex_lock(&f->lock);
    f->reports++;
    f->last = trouble->failure;
    snprintf(f->text, sizeof(f->text), "%s", trouble->text);
    pthread_mutex_unlock(&f->lock);
}

static push_failure_t reported(fixture_t *f)
{
    push_failure_t last;

    pthread_mutex_lock(&f->lock);
    last = f->last;
    pthread_mutex_unlock(&f->lock);
    return last;
}

static void fill_library(void *data, push_command_t *command)
{
    (void)data;
    push_command_string(command, "FUNCTION");
    push_command_string(command, "LOAD");
    push_command_string(command, "#!lua name=push");
}

static void end_fixture(void *data)
{
    fixture_t *f = data;

    push_courier_stop(f->courier);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static void end_fake(void *data)
{
    fake_redis_stop(data);
}

static struct fake_redis *fake(void)
{
    return keep(fake_redis_start(), end_fake);
}

static fixture_t *start_at(const char *url)
{
    fixture_t *f = calloc(1, sizeof(*f));
    const push_client_hooks_t hooks = {
        .data = f, .library = fill_library, .trouble = note};
    char why[PUSH_REDIS_WHY] = "";

    pthread_mutex_init(&f->lock, NULL);
    f->settings.connect_ms = SHORT_MS;
    f->settings.reply_ms = SHORT_MS;
    ck_assert_msg(push_redis_settings_add(&f->settings, url, why), "%s", why);
    f->courier = push_courier_start(&f->settings, &hooks);
    ck_assert_ptr_nonnull(f->courier);
    return keep(f, end_fixture);
}

static fixture_t *start(const struct fake_redis *redis)
{
    return start_at(
        keep_printf("redis://127.0.0.1:%d", fake_redis_port(redis)));
}

static void release_request(void *data)
{
    push_request_cleanup(data);
    free(data);
}

static push_request_t *request_of(const char *words)
{
    push_request_t *request = malloc(sizeof(*request));
    char *copy = keep_copy(words, strlen(words));
    char *state = NULL;

    push_request_init(request, 0);
    for (char *w = strtok_r(copy, " ", &state); w != NULL;
         w = strtok_r(NULL, " ", &state)) {
        push_command_string(&request->command, w);
    }
    return keep(request, release_request);
}

static push_request_t *call(fixture_t *f, const char *words)
{
    push_request_t *request = request_of(words);

    push_courier_call(f->courier, request);
    return request;
}

static push_client_figures_t figures(fixture_t *f)
{
    push_client_figures_t got;

    push_courier_figures(f->courier, &got);
    return got;
}

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
        ck_assert(!strncmp(f->text, refusals[_i].error + 1, 4));
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
    ck_assert_uint_eq(f->reports, 0);
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
    ck_assert_ptr_nonnull(strstr(f->text, "Error compiling"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_LIBRARY);
    ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), 3);
}
END_TEST

/* ---- redirections ---- */

static const char *map_of(const struct fake_redis *redis)
{
    return keep_printf("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n"
                       ":%d\r\n$2\r\nid\r\n",
                       fake_redis_port(redis));
}

START_TEST(a_slot_that_moved_is_followed_and_remembered)
{
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f = start(one);

    fake_redis_always(one, "CLUSTER SLOTS", map_of(one));
    fake_redis_always(two, "CLUSTER SLOTS", map_of(two));
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
    fixture_t *f = start(one);

    fake_redis_answer(one, "CLUSTER SLOTS", map_of(one));
    fake_redis_always(one, "CLUSTER SLOTS", map_of(two));
    fake_redis_answer(one, "FCALL",
                      keep_printf("-MOVED 8 127.0.0.1:%d\r\n",
                                  fake_redis_port(two)));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    wait_until(push_courier_master(f->courier, 1023) == 1);
    ck_assert_uint_eq(figures(f).masters, 1);
}
END_TEST

START_TEST(a_slot_on_its_way_is_asked_for_where_it_goes)
{
    struct fake_redis *one = fake();
    struct fake_redis *two = fake();
    fixture_t *f = start(one);

    fake_redis_always(one, "CLUSTER SLOTS", map_of(one));
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
    fixture_t *f = start(redis);

    for (size_t cut = 0; cut < sizeof(long_reply) - 1; cut++) {
        push_request_t *request = request_of("FCALL a");

        request->deadline = push_redis_now() + WAIT_MS;
        fake_redis_cut(redis, "FCALL", long_reply, cut);
        push_courier_call(f->courier, request);
        ck_assert_int_eq(request->failure, PUSH_FAILURE_UNKNOWN);
        ck_assert_ptr_null(request->reply);
        ck_assert_uint_eq(fake_redis_count(redis, "FCALL"), cut + 1);
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
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
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
    ck_assert_ptr_nonnull(strstr(f->text, "protocol"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
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
    ck_assert_ptr_nonnull(strstr(f->text, "127.0.0.1:"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
    ck_assert_uint_eq(f->reports, 1);
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
    ck_assert_ptr_nonnull(strstr(f->text, "refused"));
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_AWAY);
    ck_assert_uint_eq(f->reports, 1);
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
    ck_assert_ptr_nonnull(strstr(f->text, "no-such-host.invalid:6379: the "
                                          "name"));
}
END_TEST

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
    fixture_t *f = start_at(
        keep_printf("redis://127.0.0.1:%d", fake_redis_port(redis)));
    flood_t *all = keep(calloc(1, sizeof(*all)), free);
    pthread_t thread;

    all->f = f;
    ck_assert_int_eq(call(f, "FCALL a")->failure, PUSH_FAILURE_NONE);
    fake_redis_freeze(redis, true);
    for (unsigned i = 0; i <= PUSH_COURIER_COMMANDS; i++) {
        all->requests[i] = request_of("FCALL a");
        all->requests[i]->done = count_over;
        all->requests[i]->deadline = push_redis_now() + WAIT_MS;
    }
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
    fixture_t *f = start(redis);
    push_request_t *request = request_of("FCALL a");

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
    ck_assert_ptr_nonnull(strstr(f->text, "no master of this name"));
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
    tcase_add_test(tc, a_slot_on_its_way_is_asked_for_where_it_goes);
    tc = case_add(suite, "connections", 60);
    tcase_add_test(tc, a_reply_that_is_cut_leaves_the_outcome_unknown);
    tcase_add_test(tc, what_was_answered_before_the_end_is_whole);
    tcase_add_test(tc, a_lost_connection_is_made_again);
    tcase_add_test(tc,
                   silence_ends_at_the_deadline_and_then_all_fails_at_once);
    tcase_add_test(tc, a_late_reply_is_not_the_next_ones);
    tcase_add_test(tc, what_is_no_redis_is_reported);
    tcase_add_row_test(tc, a_greeting_that_fails_says_what_redis_said,
                       greetings);
    tcase_add_test(
        tc, where_nobody_listens_all_fails_at_once_and_is_reported_once);
    tcase_add_test(tc,
                   a_name_is_resolved_and_one_that_is_not_known_is_reported);
    tc = case_add(suite, "lots", 40);
    tcase_add_test(tc, what_replicas_must_have_is_over_when_they_have_it);
    tcase_add_test(tc, an_error_in_a_lot_is_its_own_commands_alone);
    tcase_add_test(tc, what_comes_while_both_lots_wait_is_the_next_lot);
    tcase_add_test(tc,
                   a_connection_lost_before_its_wait_says_replicas_or_unknown);
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
