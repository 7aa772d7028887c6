/*
 * A network that loses packets, half of a connection, or all of it: in a
 * network namespace, whose other side the clients live on.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "chaos.h"
#include "crowd.h"
#include "feed.h"
#include "journal.h"
#include "keep.h"
#include "namespace.h"
#include "pushc.h"
#include "verbs.h"

#define OPEN_MS   60000
#define SETTLE_MS 90000

/* A server that both sides reach; loop addresses are for its publishers. */
static struct server *start(const char *global)
{
    struct server_options so = {
        .global = keep_printf("Listen " NAMESPACE_SERVER ":8099\n"
                              "PushShmSize 256M\nPushMaxPending 100000\n%s",
                              global),
        .receive = "PushUser query:user\nPushWriteTimeout 5"};

    return server_start(&so);
}

/* What a crowd connects to is the server's second port. */
static struct server *outside(const struct server *s)
{
    struct server *copy = (struct server *)(void *)keep_copy(s, sizeof(*s));

    copy->port = 8099;
    return copy;
}

/* ---- half-open ---- */

/* Written by the client's thread. */
static _Atomic int64_t lost_at; /* when it began to wait, ms; 0: not yet */
static _Atomic int64_t got_at;  /* when the last message came */
static _Atomic int got;
static _Atomic int twice;

static int on_message(void *ctx, pushc_message *m)
{
    static char last[64];

    (void)ctx;
    atomic_fetch_add(&twice, strcmp(last, m->data) == 0);
    snprintf(last, sizeof(last), "%s", m->data);
    atomic_store(&got_at, wait_now());
    atomic_fetch_add(&got, 1);
    return PUSHC_DONE;
}

static void on_event(void *ctx, const pushc_event *e)
{
    int64_t never = 0;

    (void)ctx;
    if (e->kind == PUSHC_WAITING) {
        atomic_compare_exchange_strong(&lost_at, &never, wait_now());
    }
}

static pushc_client *start_client(int netns)
{
    pushc_options o = PUSHC_OPTIONS_INIT;
    pushc_client *client;

    o.url = "http://" NAMESPACE_SERVER ":8099/ramen";
    o.query = "user=ann";
    o.device = "d";
    o.on_message = on_message;
    o.on_event = on_event;
    o.stop_ms = 1000;
    ck_assert_int_eq(pushc_client_create(&o, &client), PUSHC_OK);
    namespace_enter(netns);
    ck_assert_int_eq(pushc_client_start(client), PUSHC_OK);
    namespace_leave();
    return client;
}

START_TEST(a_half_open_stream_is_reaped_here_noticed_there_and_resumed)
{
    int netns = namespace_make();
    struct server *s = start("");
    struct loop *loop = loop_create();
    pushc_client *client = start_client(netns);
    int64_t cut;

    loop_until(loop, OPEN_MS, stat_of(s, "streams") == 1);
    publish(s, "user=ann", NULL, "before");
    loop_until(loop, OPEN_MS, atomic_load(&got) == 1);
    namespace_lose(1);
    cut = wait_now();
    publish(s, "user=ann", NULL, "meanwhile");
    loop_forget_lateness(loop);
    /* The server has something unconfirmed from now on. */
    loop_until(loop, 25000, stat_of(s, "streams") == 0);
    printf("half open: reaped after %lld ms (PushWriteTimeout 5)\n",
           (long long)(wait_now() - cut));
    ck_assert_int_ge(wait_now() - cut, 4500);
    loop_until(loop, 15000, atomic_load(&lost_at) != 0);
    printf("half open: noticed %lld ms after the last byte\n",
           (long long)(atomic_load(&lost_at) - atomic_load(&got_at)));
    ck_assert_int_ge(atomic_load(&lost_at) - atomic_load(&got_at), 6990);
    ck_assert_int_le(atomic_load(&lost_at) - atomic_load(&got_at),
                     7500 + loop_lateness(loop));
    namespace_lose(0);
    loop_until(loop, OPEN_MS, atomic_load(&got) >= 2);
    publish(s, "user=ann", NULL, "after");
    loop_until(loop, OPEN_MS, atomic_load(&got) >= 3);
    ck_assert_int_eq(atomic_load(&got), 3);
    ck_assert_int_eq(atomic_load(&twice), 0);
    pushc_client_destroy(client);
}
END_TEST

/* ---- a crowd on the other side, and somebody who publishes to it ---- */

#define CLIENTS 50

struct scene {
    struct loop *loop;
    struct crowd *crowd;
    struct feed *feed; /* from scene_feed() on */
    struct feed_options feeding;
    int64_t begun;
};

/* All clients have their streams. */
static struct scene scene_begin(void)
{
    int netns = namespace_make();
    struct server *s = start("");
    struct crowd_options co = {.server = outside(s),
                               .count = CLIENTS,
                               .host = NAMESPACE_SERVER,
                               .netns = netns,
                               .ack_ms = 2000,
                               .journal = journal_open()};
    struct scene scene = {.begun = wait_now(),
                          .loop = loop_create(),
                          .feeding = {.server = s,
                                      .users = CLIENTS,
                                      .rate = 100,
                                      .journal = co.journal}};

    scene.crowd = crowd_start(scene.loop, &co);
    loop_until(scene.loop, OPEN_MS, crowd_open(scene.crowd) == CLIENTS);
    return scene;
}

static void scene_feed(struct scene *scene)
{
    scene->feed = feed_start(scene->loop, &scene->feeding);
}

/* No more is published, and all that was has arrived. */
static void scene_settle(struct scene *scene)
{
    feed_finish(scene->feed);
    loop_until(scene->loop, SETTLE_MS,
               scene->crowd->counts.delivered >= scene->feed->counts.accepted);
}

/* Streams were silent because of their link. */
static void scene_end(struct scene *scene)
{
    crowd_close(scene->crowd);
    journal_line(scene->feeding.journal, "\"what\":\"stall\",\"within\":%lld",
                 (long long)(wait_now() - scene->begun));
    journal_judge(scene->feeding.journal);
}

/* ---- loss ---- */

START_TEST(a_tenth_of_all_packets_lost_loses_no_message)
{
    struct scene scene = scene_begin();
    const struct crowd_counts *counts = &scene.crowd->counts;

    namespace_lose(0.1);
    scene_feed(&scene);
    loop_run(scene.loop, chaos_duration(4000));
    scene_settle(&scene);
    namespace_lose(0);
    printf("10 %% loss: %llu messages, %llu streams given up\n",
           (unsigned long long)counts->delivered,
           (unsigned long long)(counts->silences + counts->dropped));
    scene_end(&scene);
}
END_TEST

/* ---- a link that comes and goes ---- */

/* Until a monotonic time. */
static void flap(struct loop *loop, int64_t end)
{
    struct dice dice = dice_make("flaps");
    uint64_t down = (uint64_t)chaos_pick(2000, 9000); /* ms */

    while (wait_now() < end) {
        namespace_link(false);
        loop_run(loop, 200 + (int64_t)dice_roll(&dice, down));
        namespace_link(true);
        loop_run(loop, 200 + (int64_t)dice_roll(&dice, 1000));
    }
}

START_TEST(a_link_that_flaps_loses_nothing_and_brings_no_storm)
{
    struct scene scene = scene_begin();
    struct crowd_counts *counts = &scene.crowd->counts;
    int64_t start;
    double seconds;

    scene_feed(&scene);
    counts->attempts = 0;
    start = wait_now();
    flap(scene.loop, start + chaos_duration(3000));
    scene_settle(&scene);
    seconds = (double)(wait_now() - start) / 1000;
    printf("flapping link: %llu attempts of %d clients in %.1f s, %llu "
           "messages\n",
           (unsigned long long)counts->attempts, CLIENTS, seconds,
           (unsigned long long)counts->delivered);
    /* U(0, 1 s), U(0, 2 s), U(0, 4 s), ... until a stream was up for 10 s:
     * seven attempts in 30 s on average, twice that for the unlucky. */
    ck_assert_int_le(counts->attempts,
                     (uint64_t)(CLIENTS * (8 + seconds / 2)));
    scene_end(&scene);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos network");
    TCase *tc = case_add(suite, "network", chaos_limit());

    if (!namespace_is_permitted()) {
        printf("No network namespaces here (they take root, iproute2 and "
               "nftables).\n# skipped 3\n");
        return 0;
    }
    tcase_add_test(
        tc, a_half_open_stream_is_reaped_here_noticed_there_and_resumed);
    tcase_add_test(tc, a_tenth_of_all_packets_lost_loses_no_message);
    tcase_add_test(tc, a_link_that_flaps_loses_nothing_and_brings_no_storm);
    return chaos_run(suite);
}
