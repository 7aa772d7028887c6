/*
 * Children are killed while clients read and publishers publish.  Everybody
 * writes down what happened; push-checker judges it.  PUSH_SEED repeats a
 * run, PUSH_CRASH_SECONDS makes it longer.
 */
#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define USERS    20
#define DEVICES  2
#define CLIENTS  (USERS * DEVICES)
#define MESSAGES 20000

/* ms */
#define SECONDS    10
#define KILL_MIN   200
#define KILL_MAX   800
#define KILLS      4 /* at least */
#define PUBLISH_MS 5
#define BACK_MS    3000
#define ATTEMPT_MS 2000

struct client {
    struct stream *stream; /* NULL while it is cut */
    const char *name;      /* query of its device */
    const char *device;    /* in the journal */
    const char *cursor;    /* the last id received, "" at first */
    int64_t seq;
    int64_t cut_at;
    int64_t retry_at;
    int conn;
    int unacknowledged;
    bool received[MESSAGES];
};

struct run {
    struct server *server;
    FILE *journal;
    const char *path;
    struct client clients[CLIENTS];
    bool accepted[MESSAGES];
    int to_user[MESSAGES]; /* -1: the channel of all */
    int tried;
    int kills;
    int cuts, late; /* streams that ended; that were away too long */
    unsigned random;
};

static unsigned next_random(struct run *run, unsigned below)
{
    run->random = run->random * 1664525u + 1013904223u;
    return (run->random >> 8) % below;
}

__attribute__((format(printf, 2, 3))) static void note(struct run *run,
                                                       const char *format, ...)
{
    struct timespec at;
    va_list args;

    clock_gettime(CLOCK_MONOTONIC, &at);
    fprintf(run->journal, "{\"t\":%.6f,",
            (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6);
    va_start(args, format);
    vfprintf(run->journal, format, args);
    va_end(args);
    fputs("}\n", run->journal);
}

/* One request on a connection of its own; 0 if nobody answered. */
static int ask(struct run *run, const char *head, const char *body,
               const char **answer)
{
    struct wire *w = wire_open(run->server, 0);
    const char *request = keep_printf(
        "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Push-Client: test/1\r\nContent-Length: %zu\r\n\r\n%s",
        head, strlen(body), body);
    int64_t deadline = wait_now() + ATTEMPT_MS;
    int status = 0;
    const char *got;

    wire_send(w, request, strlen(request));
    got = http_head(w, wait_now() + ATTEMPT_MS);
    if (got != NULL) {
        while (!w->ended && wait_now() < deadline) {
            wire_receive(w, deadline);
        }
        *answer = keep_copy(w->bytes, w->used);
        status = atoi(got + 9);
    }
    wire_close(w);
    return status;
}

/* ---- clients ---- */

static void connect_client(struct run *run, struct client *c)
{
    struct wire *w = wire_open(run->server, 0);
    const char *request = keep_printf(
        "GET /ramen/receive?%s&ack=explicit%s%s HTTP/1.1\r\n"
        "Host: localhost\r\nPush-Client: test/1\r\n\r\n",
        c->name, *c->cursor != '\0' ? "&id=" : "&seq=0", c->cursor);
    const char *head;

    c->retry_at = wait_now() + 100;
    wire_send(w, request, strlen(request));
    head = http_head(w, wait_now() + ATTEMPT_MS);
    if (head == NULL || atoi(head + 9) != 200) {
        wire_close(w);
        return;
    }
    c->stream = stream_begin(w, head);
    c->conn++;
    note(run, "\"what\":\"connected\",\"device\":\"%s\",\"conn\":%d",
         c->device, c->conn);
    if (c->cut_at != 0) {
        run->cuts++;
        run->late += wait_now() - c->cut_at > BACK_MS;
    }
}

static void cut_off(struct run *run, struct client *c)
{
    note(run, "\"what\":\"cut\",\"device\":\"%s\",\"conn\":%d", c->device,
         c->conn);
    stream_close(c->stream);
    c->stream = NULL;
    c->cut_at = wait_now();
    c->retry_at = c->cut_at + (int64_t)next_random(run, 100);
    c->unacknowledged = 0;
}

static void take_event(struct run *run, struct client *c,
                       const struct event *e)
{
    int number = -1;

    if (strncmp(e->type, "push.", 5) == 0) {
        ck_assert_str_eq(e->type, "push.bye");
        return;
    }
    ck_assert_msg(sscanf(e->data, "k%d", &number) == 1 && number >= 0
                      && number < run->tried,
                  "nobody published %s", e->data);
    note(run,
         "\"what\":\"received\",\"device\":\"%s\",\"conn\":%d,\"seq\":%ld,"
         "\"mid\":\"%s\"",
         c->device, c->conn, (long)e->seq, e->mid);
    if (!c->received[number]) {
        note(run,
             "\"what\":\"delivered\",\"device\":\"%s\",\"mid\":\"%s\","
             "\"key\":\"k%d\"",
             c->device, e->mid, number);
    }
    c->received[number] = true;
    c->seq = e->seq;
    c->cursor = e->id;
    c->unacknowledged++;
}

static void acknowledge_all(struct run *run, struct client *c)
{
    const char *answer = "";
    int conn = c->conn;

    c->unacknowledged = 0;
    if (ask(run, keep_printf("POST /ramen/ack?%s&id=%s", c->name, c->cursor),
            "", &answer)
        == 204) {
        note(run,
             "\"what\":\"acked\",\"device\":\"%s\",\"seq\":%ld,\"conn\":%d",
             c->device, (long)c->seq, conn);
    }
}

/* The next event that is there as a whole, or NULL. */
static const struct event *next_whole(struct stream *st)
{
    struct wire *w = st->wire;
    size_t length;
    char *end;

    for (;;) {
        wire_take(w, strspn(w->bytes, "\n"));
        end = strstr(w->bytes, "\n\n");
        if (end == NULL) {
            return NULL;
        }
        length = (size_t)(end - w->bytes) + 2;
        if (memmem(w->bytes, length, "data:", 5) != NULL) {
            return stream_next_in(st, WAIT_MS);
        }
        wire_take(w, length);
    }
}

static void look_at(struct run *run, struct client *c)
{
    const struct event *e;

    if (c->stream == NULL) {
        if (wait_now() >= c->retry_at) {
            connect_client(run, c);
        }
        return;
    }
    wire_receive(c->stream->wire, wait_now());
    e = next_whole(c->stream);
    while (e != NULL) {
        take_event(run, c, e);
        e = next_whole(c->stream);
    }
    if (c->stream->wire->ended) {
        cut_off(run, c);
    }
    else if (c->unacknowledged > 40) {
        acknowledge_all(run, c);
    }
}

static void look_at_all(struct run *run)
{
    for (int i = 0; i < CLIENTS; i++) {
        look_at(run, &run->clients[i]);
    }
}

/* ---- publishers and the killer ---- */

/* "id":"…" of an answer. */
static const char *mid_in(const char *answer)
{
    const char *at = strstr(answer, "\"id\":\"");

    ck_assert_msg(at != NULL, "no id: %s", answer);
    return keep_copy(at + 6, strcspn(at + 6, "\""));
}

static void publish_one(struct run *run)
{
    int number = run->tried;
    int user = next_random(run, 4) == 0 ? -1 : (int)next_random(run, USERS);
    const char *to = user < 0 ? "channel=all" : keep_printf("user=u%d", user);
    const char *answer = "";
    int status;

    ck_assert_int_lt(number, MESSAGES);
    run->to_user[number] = user;
    run->tried++;
    note(run, "\"what\":\"tried\",\"key\":\"k%d\"", number);
    status = ask(run, keep_printf("POST /push/messages?%s", to),
                 keep_printf("k%d", number), &answer);
    if (status == 201) {
        run->accepted[number] = true;
        note(run,
             "\"what\":\"accepted\",\"mid\":\"%s\",\"key\":\"k%d\","
             "\"%s\":\"%s\",\"urgency\":\"normal\"",
             mid_in(answer), number, user < 0 ? "channel" : "user",
             strchr(to, '=') + 1);
    }
    else {
        ck_assert_msg(status == 0 || status == 503, "publish: %d %s", status,
                      answer);
    }
}

static void kill_one(struct run *run)
{
    pid_t pids[64];
    int count = server_children(run->server, pids, 64);

    if (count >= 2) {
        kill(pids[next_random(run, (unsigned)count)], SIGKILL);
        run->kills++;
    }
}

/* Until the time is over, and enough has happened. */
static void rage(struct run *run, int64_t until)
{
    int64_t next_kill = wait_now() + KILL_MIN;
    int64_t next_publish = wait_now();

    while (wait_now() < until || run->kills <= KILLS
           || run->cuts <= run->kills) {
        if (wait_now() >= next_kill) {
            kill_one(run);
            next_kill = wait_now() + KILL_MIN
                        + (int64_t)next_random(run, KILL_MAX - KILL_MIN);
        }
        if (wait_now() >= next_publish) {
            publish_one(run);
            next_publish += PUBLISH_MS;
        }
        look_at_all(run);
    }
}

/* ---- the end ---- */

static bool has_all(const struct run *run, int index)
{
    for (int i = 0; i < run->tried; i++) {
        if (run->accepted[i] && !run->clients[index].received[i]
            && (run->to_user[i] < 0 || run->to_user[i] == index / DEVICES)) {
            return false;
        }
    }
    return true;
}

static void drain(struct run *run)
{
    int64_t deadline = wait_now() + 2 * WAIT_MS;
    int i = 0;

    while (i < CLIENTS) {
        look_at_all(run);
        wait_a_little();
        if (has_all(run, i)) {
            i++;
        }
        ck_assert_msg(wait_now() < deadline, "%s still misses messages",
                      run->clients[i < CLIENTS ? i : 0].name);
    }
}

/* What push-checker says, and whether it is content. */
static void judge(struct run *run)
{
    const char *build = getenv("PUSH_BUILD");
    const char *command = keep_printf(
        "%s/push-checker %s 2>&1", build != NULL ? build : "build", run->path);
    char said[4096];
    FILE *f;
    size_t n;

    ck_assert_int_eq(fclose(run->journal), 0);
    f = popen(command, "r");
    ck_assert_ptr_nonnull(f);
    n = fread(said, 1, sizeof(said) - 1, f);
    said[n] = '\0';
    ck_assert_msg(pclose(f) == 0, "%s", said);
}

static void begin(struct run *run)
{
    static const struct server_options o = {
        .children = 4,
        .global = "PushMaxPending 100000\nPushChannelHistory 100000"};

    run->server = server_start(&o);
    server_allow(run->server, "exit signal Killed");
    run->path = keep_printf("%s/journal", run->server->root);
    run->journal = fopen(run->path, "w");
    ck_assert_ptr_nonnull(run->journal);
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &run->clients[i];

        c->name = keep_printf("user=u%d&device=d%d&channel=all", i / DEVICES,
                              i % DEVICES);
        c->device = keep_printf("u%d/d%d", i / DEVICES, i % DEVICES);
        c->cursor = "";
        note(run,
             "\"what\":\"device\",\"device\":\"%s\",\"user\":\"u%d\","
             "\"channels\":[\"all\"]",
             c->device, i / DEVICES);
        wait_until((look_at(run, c), c->stream != NULL));
    }
}

static int64_t seconds(void)
{
    const char *given = getenv("PUSH_CRASH_SECONDS");

    return given != NULL ? atoi(given) : SECONDS;
}

START_TEST(children_killed_at_random_cost_nothing)
{
    struct run *run = keep(calloc(1, sizeof(*run)), free);
    const char *given = getenv("PUSH_SEED");
    struct answer *a;

    run->random = given != NULL ? (unsigned)strtoul(given, NULL, 10)
                                : 20261125u;
    begin(run);
    rage(run, wait_now() + seconds() * 1000);
    drain(run);
    judge(run);
    a = http_get(run->server, "/push/check");
    http_expect(a, 200, NULL);
    ck_assert_msg(json_is_true(json_at(a->json, "sound"))
                      && json_int_at(a->json, "leaked") == 0,
                  "%s", a->body);
    ck_assert_msg(run->late <= run->cuts / 100, "%d of %d came back late",
                  run->late, run->cuts);
}
END_TEST

START_TEST(a_killed_childs_streams_are_not_counted_as_connected)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&channel=c",
                                    NULL);

    server_allow(s, "exit signal Killed");
    kill(holder_of(s, st), SIGKILL);
    wait_until(json_int_at(http_do(s, "POST", "/push/messages?channel=c",
                                   "TTL: 0\r\n", "x")
                               ->json,
                           "connected")
               == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *tc = case_add(suite, "crash", 180);

    tcase_add_test(tc, children_killed_at_random_cost_nothing);
    tcase_add_test(tc, a_killed_childs_streams_are_not_counted_as_connected);
    return case_run(suite);
}
