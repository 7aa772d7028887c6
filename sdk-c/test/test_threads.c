/* test_threads.c - many threads use one handle; no word is ever lost. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probe.h"
#include "publishing.h"
#include "suite.h"

#define THREADS 4
#define EACH    400

static int answer(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    return scripted_answer(r, 201, "", "{\"id\":\"m1\"}");
}

static void *publish_many(void *ctx)
{
    long failed = 0;
    int i;

    for (i = 0; i < EACH; i++) {
        pushc_result result = {.size = sizeof(result)};
        pushc_outgoing m = pt_to_ann("a");
        uint64_t began = now_ms();

        failed += pushc_publish_wait(pt_publisher, &m, &result) != PUSHC_OK;
        failed += result.attempts != 1;
        /* A lost wake-up costs 10 s at least. */
        failed += now_ms() - began > 9000;
    }
    *(long *)ctx = failed;
    return NULL;
}

START_TEST(publishing_threads_never_wait_for_a_lost_wake_up)
{
    pthread_t threads[THREADS];
    long failed[THREADS];
    int i;

    pt_begin(answer, NULL);
    pt_start();
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, publish_many, &failed[i]);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(failed[i], 0);
    }
    pt_finish();
}
END_TEST

/* ---- a client that is asked from everywhere ---- */

#define MESSAGES 4000

static int stream(void *ctx, struct scripted_request *r)
{
    int i;

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_say(r, "HTTP/1.1 204 No Content\r\n\r\n") == 0;
    }
    scripted_stream(r);
    for (i = 1; i <= MESSAGES && r->receives == 1; i++) {
        scripted_say(r, "id: %d.m%d\n%sdata: %d\n\n", i, i,
                     i % 50 ? "" : "ack: now\n", i);
    }
    scripted_hold(r, -1);
    return 0;
}

static unsigned taken[MESSAGES + 1], taken_total;

static void take(pushc_client *client, pushc_message *m)
{
    unsigned n = __atomic_add_fetch(&taken_total, 1, __ATOMIC_RELAXED);

    __atomic_add_fetch(&taken[atoi(m->data)], 1, __ATOMIC_RELAXED);
    if (n % 100 == 99) {
        pushc_flush(client);
    }
    if (pushc_ack(client, m) != PUSHC_OK) {
        abort();
    }
}

/* Until all are taken, and then nothing more comes for a while. */
static void *pull(void *ctx)
{
    pushc_client *client = ctx;
    pushc_message *m;
    int status;

    do {
        status = pushc_next(client, 1000, &m);
        if (status == PUSHC_OK) {
            take(client, m);
        }
    } while (
        status == PUSHC_OK
        || (status == PUSHC_AGAIN
            && __atomic_load_n(&taken_total, __ATOMIC_RELAXED) < MESSAGES));
    return NULL;
}

START_TEST(threads_share_the_messages_of_one_client)
{
    struct probe *p = calloc(1, sizeof(*p));
    struct scripted *s = scripted_start(stream, NULL);
    pthread_t threads[THREADS];
    char cursor[64];
    int i;

    probe_init(p, scripted_url(s));
    p->options.on_message = NULL;
    p->options.max_messages = 64;
    probe_start(p);
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, pull, p->client);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (i = 1; i <= MESSAGES; i++) {
        ck_assert_uint_eq(taken[i], 1);
    }
    ck_assert_int_eq(pushc_cursor(p->client, cursor, sizeof(cursor)), 0);
    ck_assert_str_eq(cursor, "4000.m4000");
    probe_cleanup(p);
    scripted_stop(s);
    free(p);
}
END_TEST

START_TEST(a_client_that_is_started_and_destroyed_at_once_ends)
{
    struct scripted *s = scripted_start(stream, NULL);
    int i;

    for (i = 0; i < 300; i++) {
        struct probe *p = calloc(1, sizeof(*p));

        probe_init(p, scripted_url(s));
        probe_start(p);
        probe_cleanup(p);
        free(p);
    }
    scripted_stop(s);
}
END_TEST

START_TEST(descriptors_that_run_out_are_waited_for)
{
    struct probe *p = calloc(1, sizeof(*p));
    struct scripted *s = scripted_start(stream, NULL);
    int fds[64], count = 0;
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    probe_init(p, scripted_url(s));
    ck_assert_int_eq(pushc_client_create(&p->options, &p->client), PUSHC_OK);
    limit.rlim_cur = 64;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count < 64 && (count == 0 || fds[count - 1] >= 0)) {
        fds[count++] = open("/dev/null", O_RDONLY);
    }
    ck_assert_int_lt(fds[count - 1], 0);
    ck_assert_int_eq(pushc_client_start(p->client), PUSHC_OK);
    WAIT_FOR(probe_events(p, PUSHC_WAITING) >= 2);
    ck_assert_int_eq(probe_last(p, PUSHC_WAITING, NULL).status,
                     PUSHC_ERR_NETWORK);
    ck_assert_uint_ge(probe_last(p, PUSHC_WAITING, NULL).delay_ms, 100);
    while (count > 0) {
        close(fds[--count]);
    }
    WAIT_FOR(probe_messages(p) == MESSAGES);
    probe_cleanup(p);
    scripted_stop(s);
    free(p);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("threads", 120);

    tcase_add_test(tc, publishing_threads_never_wait_for_a_lost_wake_up);
    tcase_add_test(tc, threads_share_the_messages_of_one_client);
    tcase_add_test(tc, a_client_that_is_started_and_destroyed_at_once_ends);
    tcase_add_test(tc, descriptors_that_run_out_are_waited_for);
    return suite_run();
}
