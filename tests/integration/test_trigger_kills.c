/*
 * Children are killed again and again, and the whole server once, while
 * triggers are at work: each event that was accepted leads to its push, and
 * to no second one.  PUSH_SEED repeats one walk.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define KILLS  6
#define EVENTS 400

static const char echo[] =
    "PushStateDir state\n"
    "PushDurability commit\n"
    "<PushTrigger echo>\n"
    "PushWhen \"event('type') == 'n'\"\n"
    "PushTo user \"%{event:data.user}\"\n"
    "PushPull \"${BACKEND}/%{event:data.n}\" timeout=20s\n"
    "PushRetry attempts=20 age=600s\n"
    "</PushTrigger>\n";

static unsigned seed_of_run(void)
{
    const char *given = getenv("PUSH_SEED");

    return given != NULL ? (unsigned)strtoul(given, NULL, 10) : 20261130u;
}

static int figure(const struct server *s, const char *path)
{
    const json_t *value = json_at(http_get(s, "/push/triggers")->json,
                                  keep_printf("triggers.0.%s", path));

    return (int)json_integer_value(value);
}

/*
 * Told again until it is accepted, as a sender does whose connection broke;
 * the names of users spread the requests.
 */
static void tell(const struct server *s, int n)
{
    const char *body = keep_printf(
        "{\"specversion\":\"1.0\",\"type\":\"n\",\"source\":\"/test\","
        "\"id\":\"%d\",\"data\":{\"n\":%d,\"user\":\"u%d\"}}",
        n, n, n % 3);
    struct request q = {
        .method = "POST",
        .target = "/push/events",
        .headers = "Content-Type: application/cloudevents+json\r\n",
        .body = body,
        .length = strlen(body)};
    int64_t end = wait_now() + WAIT_MS;
    const struct answer *a;

    do {
        ck_assert_int_lt(wait_now(), end);
        a = http_ask(s, &q);
    } while (a == NULL || a->status != 202);
}

static void kill_owner(struct server *s)
{
    int owner;

    wait_until(figure(s, "child") != 0);
    owner = figure(s, "child");
    server_kill_child(s, owner);
    wait_until(figure(s, "child") != 0 && figure(s, "child") != owner);
}

/* All of one user's, each once. */
static int take_all(const struct server *s, int user, bool *seen)
{
    struct stream *st = stream_open(
        s, keep_printf("user=u%d&device=d&seq=0", user), NULL);
    const struct event *e = stream_next(st);
    int count = 0;

    while (e != NULL) {
        int n = atoi(e->data);

        ck_assert_msg(n >= 0 && n < EVENTS, "%s: %s", e->type, e->data);
        ck_assert_int_eq(n % 3, user);
        ck_assert_msg(!seen[n], "%d came twice", n);
        seen[n] = true;
        count++;
        e = stream_next_in(st, count < EVENTS / 3 ? WAIT_MS : 500);
    }
    stream_close(st);
    return count;
}

START_TEST(each_event_leads_to_its_push_and_to_no_second_one)
{
    struct backend *b = backend_start();
    struct server_options options = {
        .children = 3,
        .global = keep_printf("Define BACKEND http://127.0.0.1:%d\n%s",
                              b->port, echo)};
    struct server *s = server_start(&options);
    unsigned seed = seed_of_run();
    bool seen[EVENTS] = {false};
    int kills = 0;
    int count = 0;

    fprintf(stderr, "PUSH_SEED=%u\n", seed);
    server_allow(s, "exit signal Killed");
    backend_answer_path(b);
    for (int n = 0; n < EVENTS; n++) {
        tell(s, n);
        if (rand_r(&seed) % (EVENTS / KILLS) == 0 && kills < KILLS) {
            kills++;
            if (rand_r(&seed) % 2) {
                backend_hold(b); /* with requests under way */
                tell(s, n);
                kill_owner(s);
                backend_go(b);
            }
            else {
                kill_owner(s);
            }
        }
        if (n == EVENTS / 2) {
            server_kill(s);
            server_again(s);
        }
    }
    kill_owner(s);
    wait_until(figure(s, "child") != 0 && figure(s, "waiting") == 0);
    for (int user = 0; user < 3; user++) {
        count += take_all(s, user, seen);
    }
    ck_assert_int_eq(count, EVENTS);
    ck_assert_int_ge(backend_count(b), EVENTS);
    ck_assert_int_eq(figure(s, "dead"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trigger_kills");
    TCase *tc = case_add(suite, "kills", 120);

    tcase_add_test(tc, each_event_leads_to_its_push_and_to_no_second_one);
    return case_run(suite);
}
