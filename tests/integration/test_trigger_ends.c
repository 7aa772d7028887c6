/*
 * What becomes of triggers when the child that has them ends, or is killed.
 */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend.h"
#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define EVENTS_MANY 60

/* Each message once, whatever their order. */
static void expect_each(struct stream *st, int count)
{
    bool seen[EVENTS_MANY] = {false};

    for (int i = 0; i < count; i++) {
        const struct event *e = stream_next(st);
        int n = atoi(e->data);

        ck_assert_int_lt(n, EVENTS_MANY);
        ck_assert_msg(!seen[n], "%s (%s) came twice: %s", e->data, e->type,
                      e->id);
        seen[n] = true;
    }
    ck_assert_ptr_null(stream_next_in(st, 500));
}

static pid_t owner_of(const struct server *s)
{
    return trigger_figure(s, 0, "child");
}

static const char echo[] =
    "PushStateDir ${STATE}\n"
    "PushDurability commit\n"
    "<PushTrigger trip>\n"
    "PushWhen \"event('type') == 'trip'\"\n"
    "PushTo user ada\n"
    "PushPull \"${BACKEND}/%{event:data.n}\" timeout=20s\n"
    "</PushTrigger>\n";

/*
 * The backend says what it was asked for; the child is killed with requests
 * under way, with answers that were published and not acknowledged, and with
 * events that were not begun.
 */
START_TEST(a_child_that_is_killed_loses_no_event_and_doubles_no_message)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, keep_printf("Define STATE state\n%s",
                                                     echo));
    struct stream *st;
    pid_t owner;
    int told = 0;

    server_allow(s, "exit signal Killed");
    backend_answer_path(b);
    wait_until(owner_of(s) != 0);
    owner = owner_of(s);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    for (; told < 20; told++) {
        event_tell(s, "trip", keep_printf("%d", told),
                   keep_printf("{\"n\":%d}", told));
    }
    backend_hold(b);
    for (; told < EVENTS_MANY; told++) {
        event_tell(s, "trip", keep_printf("%d", told),
                   keep_printf("{\"n\":%d}", told));
    }
    if (holder_of(s, st) == owner) {
        stream_close(st);
        st = NULL;
    }
    server_kill_child(s, owner);
    wait_until(owner_of(s) != 0 && owner_of(s) != owner);
    backend_go(b);
    if (st == NULL) {
        st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    }
    expect_each(st, EVENTS_MANY);
    wait_until(trigger_figure(s, 0, "waiting") == 0);
}
END_TEST

static const char pull[] =
    "<PushTrigger trip>\n"
    "PushWhen \"event('type') == 'trip.accepted'\"\n"
    "PushTo user \"%{event:data.rider}\"\n"
    "PushPull \"${BACKEND}/trips/%{event:data.trip}\" timeout=5s\n"
    "PushMessage urgency=high ttl=60 event=trip.state\n"
    "PushRetry attempts=4 age=60s\n"
    "</PushTrigger>\n";

START_TEST(a_graceful_restart_lets_requests_end)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, pull);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);

    backend_hold(b);
    backend_answer(b, 200, NULL, "x");
    event_tell(s, "trip.accepted", "1", "{\"rider\":\"ada\",\"trip\":\"1\"}");
    backend_await(b, 1);
    server_graceful(s);
    backend_go(b);
    ck_assert_str_eq(stream_next(st)->data, "x");
    event_tell(s, "trip.accepted", "2", "{\"rider\":\"ada\",\"trip\":\"1\"}");
    ck_assert_str_eq(stream_next(st)->data, "x");
    ck_assert_int_eq(backend_count(b), 2);
}
END_TEST

#define TRIGGERS_MANY 120

static bool all_are_taken(const struct server *s)
{
    const json_t *triggers = json_at(http_get(s, "/push/triggers")->json,
                                     "triggers");
    const json_t *trigger;
    size_t i, taken = 0;

    json_array_foreach(triggers, i, trigger)
    {
        taken += json_is_true(json_object_get(trigger, "taken"));
    }
    return taken == TRIGGERS_MANY;
}

/* Each takes queues in its first moments, and is told to end in them. */
START_TEST(children_end_while_they_take_queues)
{
    const char *sections = "";
    struct server *s;

    for (int i = 0; i < TRIGGERS_MANY; i++) {
        sections = keep_printf("%s<PushTrigger t%d>\n"
                               "PushWhen \"event('type') == 'x'\"\n"
                               "PushPost http://127.0.0.1:9/\n"
                               "</PushTrigger>\n",
                               sections, i);
    }
    s = server_start(
        &(struct server_options){.children = 4, .global = sections});
    for (int i = 0; i < 4; i++) {
        server_graceful(s);
    }
    wait_until(all_are_taken(s));
}
END_TEST

int main(void)
{
    Suite *all = suite_create("trigger ends");
    TCase *tc = case_add(all, "ends", 90);

    tcase_add_test(
        tc, a_child_that_is_killed_loses_no_event_and_doubles_no_message);
    tcase_add_test(tc, a_graceful_restart_lets_requests_end);
    tcase_add_test(tc, children_end_while_they_take_queues);
    return case_run(all);
}
