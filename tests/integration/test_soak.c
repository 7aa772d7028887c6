/*
 * A seeded random walk: twelve devices publish, read, acknowledge, are cut
 * and come back, over graceful restarts and killed children.  At the end
 * each has every message that was accepted for it, and never had another's.
 * PUSH_SEED repeats one walk.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define USERS    4
#define DEVICES  3
#define CLIENTS  (USERS * DEVICES)
#define STEPS    1200
#define MESSAGES STEPS

/* A client as an SDK would be: it knows its cursor and what it received. */
struct client {
    struct stream *stream;
    const char *name;   /* user=…&device=…, and the channel of all */
    const char *cursor; /* the last id received, "" at first */
    int64_t seq;        /* its number; on the stream at hand it rises by 1 */
    bool fresh;         /* nothing came on the stream at hand yet */
    bool received[MESSAGES];
    bool expected[MESSAGES];
};

struct walk {
    struct server *server;
    struct client clients[CLIENTS];
    int published;
    unsigned random;
};

/* A linear congruential generator: the same walk for the same seed. */
static unsigned next_random(struct walk *w, unsigned below)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (w->random >> 8) % below;
}

static void connect_client(struct walk *w, struct client *c)
{
    const char *query = keep_printf("%s&seq=%ld", c->name, (long)c->seq);

    if (*c->cursor != '\0' && next_random(w, 2) == 0) {
        query = keep_printf("%s&ack=explicit&id=%s", c->name, c->cursor);
    }
    c->stream = stream_open(w->server, query, NULL);
    c->fresh = true;
}

static void take_event(struct client *c, const struct event *e)
{
    int number = -1;

    if (strncmp(e->type, "push.", 5) == 0) {
        ck_assert_str_eq(e->type, "push.bye");
        return;
    }
    ck_assert_msg(sscanf(e->data, "m%d", &number) == 1 && number >= 0
                      && number < MESSAGES,
                  "nobody published %s", e->data);
    ck_assert_msg(c->expected[number], "%s got m%d of another", c->name,
                  number);
    /* A new session begins at 1, the old one goes on. */
    ck_assert_msg(e->seq == c->seq + 1 || (c->fresh && e->seq == 1),
                  "%s: %ld after %ld", c->name, (long)e->seq, (long)c->seq);
    c->received[number] = true;
    c->seq = e->seq;
    c->cursor = e->id;
    c->fresh = false;
}

/* Read what is there; reconnect where the stream ended. */
static void drain(struct walk *w, struct client *c, int64_t milliseconds)
{
    const struct event *e = stream_next_in(c->stream, milliseconds);

    while (e != NULL) {
        take_event(c, e);
        e = stream_next_in(c->stream, 1);
    }
    if (c->stream->wire->ended) {
        connect_client(w, c);
    }
}

static void expect_by(struct walk *w, int number, int first, int count)
{
    int i;

    for (i = first; i < first + count; i++) {
        w->clients[i].expected[number] = true;
    }
}

static void step_publish(struct walk *w)
{
    static const char *const urgencies[] = {"high", "normal", "low",
                                            "very-low"};
    int number = w->published;
    int user = (int)next_random(w, USERS);
    int device = (int)next_random(w, DEVICES);
    const char *query = keep_printf("user=u%d", user);

    switch (next_random(w, 8)) {
    case 0:
        query = "channel=all";
        expect_by(w, number, 0, CLIENTS);
        break;
    case 1:
        query = "broadcast=1";
        expect_by(w, number, 0, CLIENTS);
        break;
    case 2:
        query = keep_printf("user=u%d&device=d%d", user, device);
        expect_by(w, number, user * DEVICES + device, 1);
        break;
    default:
        expect_by(w, number, user * DEVICES, DEVICES);
        break;
    }
    publish(w->server, query,
            keep_printf("Urgency: %s\r\n", urgencies[next_random(w, 4)]),
            keep_printf("m%d", number));
    w->published++;
}

static void step_acknowledge(struct walk *w, struct client *c)
{
    struct answer *a;

    if (c->fresh || c->seq == 0) {
        return;
    }
    a = acknowledge_try(w->server,
                        keep_printf("%s&seq=%ld", c->name, (long)c->seq));
    ck_assert_msg(a->status == 204, "%s ack %ld: %s%s", c->name, (long)c->seq,
                  a->head, a->body);
}

static void step_kill(struct walk *w)
{
    pid_t pids[64];
    int count = server_children(w->server, pids, 64);

    if (count > 0) {
        server_kill_child(w->server, pids[next_random(w, (unsigned)count)]);
        /* The other child must not be killed while it is alone. */
        wait_until(server_children(w->server, pids, 64) >= 2);
    }
}

static void step(struct walk *w, bool rough)
{
    struct client *c = &w->clients[next_random(w, CLIENTS)];
    unsigned choice = next_random(w, 1000);

    if (choice < 550) {
        step_publish(w);
    }
    else if (choice < 800) {
        drain(w, c, 2);
    }
    else if (choice < 880) {
        step_acknowledge(w, c);
    }
    else if (choice < 960) {
        stream_close(c->stream);
        connect_client(w, c);
    }
    else if (choice < 990) {
        /* The old stream is left open: it is taken over. */
        connect_client(w, c);
    }
    else if (rough && choice < 993) {
        server_graceful(w->server);
    }
    else if (rough && choice < 996) {
        step_kill(w);
    }
}

static bool has_all(const struct walk *w, const struct client *c)
{
    return memcmp(c->expected, c->received, sizeof(c->expected)) == 0
           && w->published > 0;
}

static int first_missing(const struct client *c)
{
    int i = 0;

    while (i < MESSAGES && c->expected[i] == c->received[i]) {
        i++;
    }
    return i;
}

static void begin(struct walk *w)
{
    static const struct server_options o = {
        .global = "PushMaxPending 100000\nPushChannelHistory 100000"};
    int i;

    w->server = server_start(&o);
    server_allow(w->server, "exit signal Killed");
    /* The event MPM tells as many children to end as it counted a second
     * ago: one that has just replaced a killed one may not hear of it. */
    server_allow(w->server, "AH00046:");
    for (i = 0; i < CLIENTS; i++) {
        w->clients[i].name = keep_printf("user=u%d&device=d%d&channel=all",
                                         i / DEVICES, i % DEVICES);
        w->clients[i].cursor = "";
        connect_client(w, &w->clients[i]);
    }
}

static void walk(struct walk *w, bool rough)
{
    int64_t deadline;
    int i;

    begin(w);
    for (i = 0; i < STEPS; i++) {
        step(w, rough);
    }
    deadline = wait_now() + 2 * WAIT_MS;
    for (i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];

        while (!has_all(w, c)) {
            ck_assert_msg(wait_now() < deadline, "%s never got m%d", c->name,
                          first_missing(c));
            drain(w, c, 50);
        }
    }
}

static unsigned seed(int index)
{
    const char *given = getenv("PUSH_SEED");

    return given != NULL ? (unsigned)strtoul(given, NULL, 10)
                         : 20261123u + (unsigned)index;
}

START_TEST(every_device_gets_all_of_its_messages_and_no_other)
{
    struct walk *w = keep(calloc(1, sizeof(*w)), free);

    w->random = seed(_i);
    walk(w, false);
}
END_TEST

START_TEST(restarts_and_killed_children_lose_nothing)
{
    struct walk *w = keep(calloc(1, sizeof(*w)), free);

    w->random = seed(_i);
    walk(w, true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("soak");
    TCase *tc = case_add(suite, "random walks", 120);

    tcase_add_loop_test(tc, every_device_gets_all_of_its_messages_and_no_other,
                        0, 2);
    tcase_add_loop_test(tc, restarts_and_killed_children_lose_nothing, 0, 2);
    return case_run(suite);
}
