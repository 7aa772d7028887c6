/*
 * real_once.c - 10,000 messages under cuts and restarts of a real server, and
 * 2,000 by polls: each is delivered exactly once, as push-checker judges.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "case.h"
#include "cutter.h"
#include "pushc.h"
#include "scripted.h"
#include "server.h"
#include "verbs.h"

#define STEPS 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *journal; /* all below under the lock */
static unsigned handled, accepted, refused;
static unsigned long long conn; /* the client's thread only */
static unsigned draws;          /* likewise */
static pushc_message *kept[64];
static unsigned kept_count;
static pushc_client *client;

static unsigned read_counter(const unsigned *counter)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = *counter;
    pthread_mutex_unlock(&lock);
    return n;
}

/* ---- the receiving application ---- */

static void note_delivered(const pushc_message *m, int first)
{
    pthread_mutex_lock(&lock);
    if (first) {
        fprintf(journal,
                "{\"t\":%llu,\"what\":\"received\",\"device\":\"ann/d\","
                "\"conn\":%llu,\"seq\":%llu,\"mid\":\"%s\"}\n",
                (unsigned long long)now_ms(), conn, (unsigned long long)m->seq,
                m->mid);
    }
    else {
        fprintf(journal,
                "{\"t\":%llu,\"what\":\"delivered\",\"device\":\"ann/d\","
                "\"mid\":\"%s\",\"key\":\"%s\"}\n",
                (unsigned long long)now_ms(), m->mid, m->data);
        handled++;
    }
    pthread_mutex_unlock(&lock);
}

/* Most are done at once; some fail first, some are kept for a while. */
static int on_message(void *ctx, pushc_message *m)
{
    unsigned draw = ++draws % 50;
    pushc_stats stats = {.size = sizeof(stats)};

    (void)ctx;
    pushc_client_stats(client, &stats);
    conn = stats.opened;
    if (m->attempt == 1) {
        note_delivered(m, 1);
    }
    if (draw == 7 && m->attempt == 1) {
        return PUSHC_RETRY;
    }
    note_delivered(m, 0);
    if (draw < 5 && kept_count < 64) {
        pthread_mutex_lock(&lock);
        kept[kept_count++] = m;
        pthread_mutex_unlock(&lock);
        return PUSHC_LATER;
    }
    return PUSHC_DONE;
}

static void on_event(void *ctx, const pushc_event *e)
{
    (void)ctx;
    if (e->kind == PUSHC_GAP) {
        pthread_mutex_lock(&lock);
        fprintf(journal,
                "{\"t\":%llu,\"what\":\"gap\",\"device\":\"ann/d\","
                "\"dropped\":%llu}\n",
                (unsigned long long)now_ms(), (unsigned long long)e->dropped);
        pthread_mutex_unlock(&lock);
    }
}

/* Acknowledge what the handler kept. */
static void ack_kept(void)
{
    pthread_mutex_lock(&lock);
    while (kept_count > 0) {
        pushc_message *m = kept[--kept_count];

        pthread_mutex_unlock(&lock);
        ck_assert_int_eq(pushc_ack(client, m), PUSHC_OK);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
}

static void start_client(int port, int transport)
{
    pushc_options o = PUSHC_OPTIONS_INIT;
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/ramen", port);
    o.url = url;
    o.query = "user=ann";
    o.device = "d";
    o.on_message = on_message;
    o.on_event = on_event;
    o.transport = transport;
    o.ack_ms = 50;
    o.retry_ms = 1;
    o.proof_ms = 1; /* so that cut after cut does not add up */
    ck_assert_int_eq(pushc_client_create(&o, &client), PUSHC_OK);
    ck_assert_int_eq(pushc_client_start(client), PUSHC_OK);
}

/* ---- the publishing application ---- */

static void on_result(void *ctx, const pushc_result *r)
{
    const char *urgency = ctx;

    pthread_mutex_lock(&lock);
    if (r->status == PUSHC_OK) {
        accepted++;
        fprintf(journal,
                "{\"t\":%llu,\"what\":\"accepted\",\"mid\":\"%s\","
                "\"key\":\"%s\",\"user\":\"ann\",\"urgency\":\"%s\"}\n",
                (unsigned long long)now_ms(), r->id, r->key, urgency);
    }
    else {
        fprintf(stderr, "refused: %s: status %d, HTTP %ld, %u attempts: %s\n",
                r->key, r->status, r->http_status, r->attempts, r->detail);
        refused++;
    }
    pthread_mutex_unlock(&lock);
}

static pushc_publisher *start_publisher(int port)
{
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_publisher *publisher;
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/push", port);
    o.url = url;
    o.streaming = 1;
    o.base_ms = 500;
    ck_assert_int_eq(pushc_publisher_create(&o, &publisher), PUSHC_OK);
    return publisher;
}

/* Publish messages whose payload is their own key. */
static void publish_some(pushc_publisher *publisher, unsigned from,
                         unsigned count)
{
    static char urgencies[4][16] = {"high", "normal", "low", "very-low"};
    unsigned i;

    for (i = from; i < from + count; i++) {
        pushc_outgoing m = PUSHC_OUTGOING_INIT;
        char key[32];

        snprintf(key, sizeof(key), "key-%u", i);
        m.user = "ann";
        m.key = key;
        m.data = key;
        m.length = strlen(key);
        m.urgency = urgencies[i % 4];
        pthread_mutex_lock(&lock);
        fprintf(journal, "{\"t\":%llu,\"what\":\"tried\",\"key\":\"%s\"}\n",
                (unsigned long long)now_ms(), key);
        pthread_mutex_unlock(&lock);
        ck_assert_int_eq(pushc_publish(publisher, &m, 30000, on_result,
                                       urgencies[i % 4]),
                         PUSHC_OK);
    }
}

/* ---- what goes wrong ---- */

static void kill_a_child(struct server *s)
{
    pid_t pids[16];

    server_allow(s, "exit signal Killed");
    /* The event MPM tells as many children to end as it counted a second
     * ago: one that has just replaced a killed one may not hear of it. */
    server_allow(s, "AH00046:");
    ck_assert_int_ge(server_children(s, pids, 16), 1);
    server_kill_child(s, pids[0]);
}

static void all_delivered(unsigned n)
{
    uint64_t end = now_ms() + 90000;

    while (read_counter(&handled) < n) {
        ck_assert_msg(now_ms() < end,
                      "%u of %u delivered; %u accepted, %u refused",
                      read_counter(&handled), n, read_counter(&accepted),
                      read_counter(&refused));
        ack_kept();
        pause_briefly();
    }
    ack_kept();
}

static void checker_is_content(const char *name)
{
    const char *build = getenv("PUSH_BUILD");
    char command[512];

    snprintf(command, sizeof(command), "%s/push-checker %s",
             build ? build : "build", name);
    ck_assert_int_eq(system(command), 0);
}

/* By streams, and by polls. */
static const struct {
    int transport;
    unsigned messages; /* a step */
    int bytes;         /* of an answer before it is cut, at most */
} runs[] = {{PUSHC_TRANSPORT_STREAM, 1000, 60000},
            {PUSHC_TRANSPORT_POLL, 200, 6000}};

START_TEST(thousands_of_messages_come_exactly_once_under_cuts_and_restarts)
{
    unsigned each = runs[_i].messages;
    struct server_options so = {
        .global = "PushShmSize 256M\nPushMaxPending 20000\n"
                  "PushRetry 500ms\n"};
    struct server *s = server_start(&so);
    struct cutter *in = cutter_start(s->port), *out = cutter_start(s->port);
    char name[] = "/tmp/pushc-journal-XXXXXX";
    pushc_publisher *publisher;
    unsigned step;

    journal = fdopen(mkstemp(name), "w");
    fprintf(journal, "{\"t\":0,\"what\":\"device\",\"device\":\"ann/d\","
                     "\"user\":\"ann\"}\n");
    start_client(cutter_port(in), runs[_i].transport);
    publisher = start_publisher(cutter_port(out));
    cutter_random(in, 4711, runs[_i].bytes);
    cutter_random(out, 815, 60000);
    for (step = 0; step < STEPS; step++) {
        publish_some(publisher, step * each, each);
        if (step % 3 == 1) {
            server_graceful(s);
        }
        if (step % 3 == 2) {
            kill_a_child(s);
        }
        cutter_cut(in);
        ack_kept();
        if (step == 5) {
            /* All is in memory: what is lost with the server is only what
             * nobody waits for. */
            ck_assert_int_eq(pushc_publisher_flush(publisher, 60000), 0);
            all_delivered(6 * each);
            pushc_flush(client);
            cutter_move(in, 0);
            cutter_move(out, 0);
            server_stop(s);
            s = server_start(&so);
            cutter_move(in, s->port);
            cutter_move(out, s->port);
        }
    }
    ck_assert_int_eq(pushc_publisher_flush(publisher, 60000), PUSHC_OK);
    cutter_random(in, 1, 0);
    all_delivered(STEPS * each);
    pushc_publisher_destroy(publisher);
    pushc_client_destroy(client);
    fclose(journal);
    checker_is_content(name);
    ck_assert_uint_eq(accepted, STEPS * each);
    ck_assert_uint_eq(refused, 0);
    ck_assert_uint_eq(handled, STEPS * each);
    ck_assert_int_ge(cutter_cuts(in), 10);
    remove(name);
    cutter_stop(in);
    cutter_stop(out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c exactly once");
    TCase *tc = case_add(suite, "once", 240);

    tcase_add_loop_test(
        tc, thousands_of_messages_come_exactly_once_under_cuts_and_restarts, 0,
        2);
    return case_run(suite);
}
