#include "core/failpoint.h"
#include "core_suite.h"
#include "core_world.h"
#include "store/ops/ack.h"
#include "store/ops/disown.h"
#include "store/ops/follow_walk.h"
#include "store/ops/import.h"
#include "store/ops/unfollow.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/validate.h"
#include "store_cluster.h"
#include "store_crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A process of a node dies at each failpoint that only a cluster comes to.
 * What the cluster keeps meanwhile (messages, one device, its fence) stands
 * beside the segment; then another process goes on.
 */

#define ROOM     ((size_t)4 << 20)
#define ROUNDS   4
#define MESSAGES 128
#define BYTES    16384

extern const char *const __start_push_points[];
extern const char *const __stop_push_points[];

static const char *names[64];
static int names_count;

static const char *const logs[] = {"ua", "cc", "b"};

/* What the cluster has. */
static struct {
    unsigned count;
    unsigned have; /* of them, that the node is known to have applied */
    uint64_t tick;
    struct {
        uint64_t tick;
        uint8_t log, urgency, got, over;
    } messages[MESSAGES];
    uint32_t fence;
    uint32_t record_len, session_len; /* 0: none */
    char record[BYTES], session[BYTES];
    uint32_t marks;
    push_cursor_t at; /* of the client */
} * cluster;

static fixture_t g;
static unsigned char id[PUSH_CONTEXT_BYTES];
static uint64_t used;

/* ---- the failpoints ---- */

static void collect_names(void)
{
    for (const char *const *at = __start_push_points; at != __stop_push_points;
         at++) {
        bool known = strncmp(*at, "cluster-", 8) != 0;

        for (int i = 0; i < names_count; i++) {
            known |= !strcmp(names[i], *at);
        }
        if (!known && names_count < 64) {
            names[names_count++] = *at;
        }
    }
}

static struct {
    const char *name;
    int countdown;
} armed;

static void on_point(const char *name)
{
    if (armed.name && !strcmp(name, armed.name) && !--armed.countdown) {
        kill(getpid(), SIGKILL);
    }
}

static void begin(void)
{
    node_init(&g, ROOM);
    g.store.limits.retention = 20000;
    used = crash_used(&g);
    cluster = shared_memory(sizeof(*cluster));
    cluster->tick = 100;
    node_id("a", "d", id);
}

static void end(void)
{
    push_failpoint_hook = NULL;
    munmap(cluster, sizeof(*cluster));
    fixture_cleanup(&g);
}

/* ---- messages ---- */

static push_applied_t message(unsigned number)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", number);
    return entry_of(
        &g, &(order_t){
                .log = logs[cluster->messages[number].log],
                .tick = cluster->messages[number].tick,
                .text = text,
                .urgency = (push_urgency_t)cluster->messages[number].urgency});
}

/* As the link drains an inbox: what was not confirmed comes again. */
static void drain(void)
{
    while (cluster->have < cluster->count) {
        push_applied_t entry = message(cluster->have);

        NEEDS(!push_store_apply(&g.store, NULL, &entry, 1, &g.now),
              "it is stuck");
        cluster->have++;
    }
}

/* The cluster stores it; only then the node hears of it. */
static unsigned publish(unsigned log, push_urgency_t urgency)
{
    unsigned number = cluster->count;

    NEEDS(number < MESSAGES, "too many messages");
    cluster->messages[number].tick = ++cluster->tick;
    cluster->messages[number].log = (uint8_t)log;
    cluster->messages[number].urgency = (uint8_t)urgency;
    cluster->count++;
    drain();
    return number;
}

static void recall(unsigned number)
{
    push_applied_t entry;

    cluster->messages[number].over = 1;
    entry = recall_of(logs[cluster->messages[number].log], ++cluster->tick,
                      node_mid(&g, logs[cluster->messages[number].log],
                               cluster->messages[number].tick));
    push_store_apply(&g.store, NULL, &entry, 1, &g.now);
}

static void load(const char *log, const push_follow_t *follow)
{
    static push_applied_t entries[MESSAGES];
    push_loaded_t loaded = {.log = named(log),
                            .errand = follow->errand,
                            .since = follow->since,
                            .entries = entries};
    bool again;

    for (unsigned i = 0; i < cluster->count; i++) {
        if (!strcmp(logs[cluster->messages[i].log], log)
            && !cluster->messages[i].over
            && cluster->messages[i].tick > follow->since) {
            entries[loaded.count++] = message(i);
        }
    }
    loaded.tick = ++cluster->tick;
    NEEDS(push_follow_load(&g.store, &loaded, &g.now, &again) == PUSH_OK,
          "%s is not loaded", log);
    NEEDS(!again, "%s is behind", log);
}

/* Until it is LIVE and not behind, whoever was at it before. */
static void follow(const char *log)
{
    push_follow_t begun;

    NEEDS(push_follow_begin(&g.store, named(log), &begun) == PUSH_OK,
          "%s is not followed", log);
    if (begun.mine) {
        load(log, &begun);
    }
    else {
        NEEDS(begun.state == PUSH_FOLLOW_LIVE, "%s is held by somebody", log);
    }
}

static void fail_once(const char *log)
{
    push_follow_t begun;

    push_follow_begin(&g.store, named(log), &begun);
    if (begun.mine) {
        push_follow_fail(&g.store, named(log), begun.errand);
    }
}

/* A channel that nobody reads: it is left, or nearly. */
static void leave_aside(bool left)
{
    push_follow_t leaving;

    follow("caside");
    if (push_follow_leave(&g.store, named("caside"), &leaving) == PUSH_OK
        && leaving.mine) {
        push_follow_left(&g.store, named("caside"), leaving.errand, left);
    }
}

/* Of a channel whose messages were dropped elsewhere. */
static void hear_of_drops(void)
{
    push_dropped_t mark = {.lane = PUSH_NORMAL, .until = g.now.mono + 9999};
    push_applied_t entry;
    push_loaded_t loaded = {
        .log = named("cmarks"), .marks = &mark, .marks_count = 1};
    push_follow_view_t view;
    bool again;

    follow("cmarks");
    for (int i = 0; i < 2; i++) {
        NEEDS(push_follow_read(&g.store, named("cmarks"), &view) == PUSH_OK,
              "it is not followed");
        cluster->marks += 2;
        mark.tick = ++cluster->tick;
        mark.count = cluster->marks;
        loaded.since = view.version;
        loaded.tick = ++cluster->tick;
        push_follow_load(&g.store, &loaded, &g.now, &again);
        entry = entry_of(&g, &(order_t){.log = "cmarks",
                                        .tick = ++cluster->tick,
                                        .text = "x",
                                        .urgency = PUSH_NORMAL,
                                        .ttl = 500});
        push_store_apply(&g.store, NULL, &entry, 1, &g.now);
    }
}

/* ---- the device ---- */

static push_status_t import(uint32_t fence)
{
    const push_import_t what = {
        .user = named("a"),
        .id = id,
        .record = {cluster->record, cluster->record_len},
        .session = {cluster->session, cluster->session_len},
        .fence = fence};

    return push_store_import(&g.store, &what, &g.now);
}

/* As a claim: what the cluster gives of the session it gives once. */
static push_stream_ref_t arrive(void)
{
    push_stream_ref_t stream_ref;
    push_text_t channel = named("c");
    push_checkin_t c = {.user = named("a"),
                        .labels[PUSH_LABEL_DEVICE] = named("d"),
                        .channels = &channel,
                        .channels_count = 1,
                        .explicit_acks = true,
                        .lowest = PUSH_VERY_LOW,
                        .max_in_flight = 1024,
                        .max_streams = 16,
                        .max_devices = 64,
                        .max_subscriptions = 4096,
                        .cursor = &cluster->at,
                        .seat = g.store.tag & 0xffffu};

    follow("b");
    follow("ua");
    follow("cc");
    cluster->fence++;
    if (cluster->record_len) {
        push_status_t status = import(cluster->fence);

        NEEDS(status == PUSH_OK, "no context: %d", (int)status);
        cluster->session_len = 0;
    }
    else {
        c.fence = cluster->fence;
    }
    NEEDS(push_store_checkin(&g.store, &c, &g.now, &stream_ref) == PUSH_OK,
          "the device is refused");
    return stream_ref;
}

static unsigned flush(const push_stream_ref_t *stream_ref)
{
    push_seat_t *seat = &g.store.seats.seats[g.store.tag & 0xffffu];
    push_status_t status;
    unsigned count = 0;

    push_epoch_enter(&g.store.epoch, seat);
    status = push_delivery_begin(&g.store, stream_ref, &g.now, &g.delivery);
    for (; status == PUSH_OK && count < g.delivery.count; count++) {
        const push_pick_t *pick = &g.delivery.picks[count];
        char text[16] = {0};
        push_text_t data = world_payload(pick->message);

        memcpy(text, data.at, data.len);
        cluster->messages[atoi(text)].got = 1;
        cluster->at = cursor_mid(pick->seq, pick->message->mid);
    }
    push_epoch_leave(seat);
    return count;
}

static void acknowledge(void)
{
    push_store_ack(&g.store, named("a"), id, &cluster->at, &g.now);
}

static void keep(const push_export_t *exported)
{
    NEEDS(exported->record.len <= BYTES && exported->session.len <= BYTES,
          "too long a record");
    cluster->session_len = 0;
    memcpy(cluster->record, exported->record.at, exported->record.len);
    cluster->record_len = exported->record.len;
    if (exported->session.len) {
        memcpy(cluster->session, exported->session.at, exported->session.len);
        cluster->session_len = exported->session.len;
    }
}

/* To nobody, so that it is claimed anew; refused where that has been done. */
static void release(void)
{
    push_export_t exported;

    NEEDS(push_store_yield(&g.store, named("a"), id, &g.now, &exported)
              == PUSH_OK,
          "it is not ours");
    if (exported.fence == cluster->fence) {
        keep(&exported);
        cluster->fence++;
    }
    push_store_yielded(&g.store, named("a"), id,
                       &(push_yielded_t){exported.fence, true, false}, &g.now);
    push_export_cleanup(&exported);
}

static void take_wake_ups(void)
{
    push_seat_t *seat = &g.store.seats.seats[g.store.tag & 0xffffu];
    uint32_t list;

    push_seat_take(seat);
    list = push_seat_devices(seat);
    while (push_seat_next_device(&g.store.seats, &list)) {
    }
    list = push_seat_channels(seat);
    while (
        push_seat_next_channel(&g.store.seats, g.store.tag & 0xffffu, &list)) {
    }
    push_seat_taken(seat);
}

static void sweep(int64_t ms)
{
    take_wake_ups();
    fixture_pass(&g, ms);
    atomic_store(&g.store.segment->sweep_next, 0);
    push_store_sweep_due(&g.store, &g.now);
}

static void round_of_all(void)
{
    push_stream_ref_t stream_ref;
    push_export_t saved;
    unsigned number;

    fail_once("ua");
    stream_ref = arrive();
    for (unsigned i = 0; i < 6; i++) {
        number = publish(i % 3, (push_urgency_t)(i % 4));
    }
    recall(number);
    flush(&stream_ref);
    publish(0, PUSH_NORMAL);
    cluster->at.seq -= 2;
    cluster->at.has_mid = false;
    acknowledge();
    flush(&stream_ref);
    release();
    stream_ref = arrive(); /* over what is left of it */
    flush(&stream_ref);
    acknowledge();
    NEEDS(push_store_export(&g.store, named("a"), id, &g.now, &saved)
              == PUSH_OK,
          "it is not ours");
    keep(&saved);
    push_export_cleanup(&saved);
    push_store_refence(&g.store, named("a"), id, ++cluster->fence);
    release();
    sweep(PUSH_DISOWN_MS + 100);
    hear_of_drops();
    leave_aside(false);
    leave_aside(true);
}

static int work(void *data)
{
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());

    (void)data;
    CHILD_NEEDS(seat > 0);
    push_store_sit(&g.store, (unsigned)seat);
    sweep(100);
    drain();
    push_failpoint_hook = on_point;
    for (int i = 0; i < ROUNDS; i++) {
        round_of_all();
    }
    push_seat_leave(&g.store.seats, (unsigned)seat);
    return 0;
}

static bool dies_at(const char *name, int count)
{
    int status;
    pid_t pid;

    armed.name = name;
    armed.countdown = count;
    pid = child_start(work, NULL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        return true;
    }
    ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status),
                  "at %s: a process failed", name);
    return false;
}

/* ---- what it leaves ---- */

static void check_sound(void)
{
    static push_check_t check;

    memset(&check, 0, sizeof(check));
    push_validate(&g.store, &check);
    ck_assert_msg(!check.wrong, "%s", check.texts[0]);
    ck_assert_uint_eq(check.skipped, 0);
}

static void check_received(void)
{
    for (unsigned i = 0; i < cluster->count; i++) {
        ck_assert_msg(cluster->messages[i].got || cluster->messages[i].over,
                      "message %u is lost", i);
    }
}

static void leave(const char *log)
{
    push_follow_t leaving;
    push_status_t status = push_follow_leave(&g.store, named(log), &leaving);

    ck_assert(status == PUSH_OK || status == PUSH_NOT_FOUND);
    if (status == PUSH_OK) {
        ck_assert(leaving.mine);
        ck_assert_int_eq(push_follow_left(&g.store, named(log), leaving.errand,
                                          true),
                         PUSH_OK);
    }
}

static bool is_yielding(void)
{
    push_owned_view_t view;

    return push_store_owned(&g.store, named("a"), id, &view) == PUSH_OK
           && view.state == PUSH_OWNED_YIELDING;
}

/* What was being given away when the process died is found, and given away. */
static void release_stuck(void)
{
    /* The process that died has let time pass. */
    push_owned_walk_t walk = {.before = INT64_MIN,
                              .stuck = g.now.mono + 1000000};
    push_owned_ref_t found[4];
    bool was = is_yielding();
    unsigned count = 0;

    while (!walk.done) {
        count += push_owned_walk(&g.store, &walk, found, 4);
    }
    ck_assert_uint_eq(count, was);
    if (was) {
        release();
        ck_assert(!is_yielding());
    }
}

/* Another process goes on, to the end; nothing may be lost, nor be left. */
static void verify(void)
{
    push_stream_ref_t stream_ref;

    push_failpoint_hook = NULL;
    sweep(1100);
    drain();
    check_sound();
    release_stuck();
    stream_ref = arrive();
    while (flush(&stream_ref)) {
        acknowledge();
    }
    check_received();
    check_sound();
    release();
    sweep(PUSH_DISOWN_MS + 100);
    sweep(100);
    leave("ua");
    leave("cc");
    leave("cmarks");
    leave("caside");
    for (int i = 0; i < 4; i++) {
        sweep(400000);
        push_epoch_tidy(&g.store.epoch);
    }
    check_sound();
    ck_assert_uint_eq(crash_used(&g), used);
}

START_TEST(a_death_at_any_failpoint_of_a_cluster_costs_nothing)
{
    if (!dies_at(names[_i], 1)) {
        ck_abort_msg("nothing comes to %s", names[_i]);
    }
    verify();
}
END_TEST

START_TEST(later_deaths_cost_nothing)
{
    dies_at(names[_i], 2);
    dies_at(names[_i], 3);
    verify();
}
END_TEST

/* Also at the points of one machine, on the way of what comes from elsewhere. */
static const char *const others[] = {
    "append-slot",           "append-head",       "ring-grow-swapped",
    "end-counted",           "user-born",         "channel-born",
    "device-died",           "table-grow-filled", "settle-outcome",
    "subscriptions-swapped", "older-stream-left", "drop-unlinked",
    "runs-append-written"};

START_TEST(a_death_on_the_way_costs_nothing)
{
    for (int count = 1; count < 20; count += 6) {
        dies_at(others[_i], count);
    }
    verify();
}
END_TEST

START_TEST(without_a_death_nothing_is_lost)
{
    ck_assert(!dies_at("no such point", 1));
    verify();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster crashes");
    TCase *points = unit_case(suite, "points", 60);

    collect_names();
    tcase_add_checked_fixture(points, begin, end);
    tcase_add_test(points, without_a_death_nothing_is_lost);
    tcase_add_loop_test(points,
                        a_death_at_any_failpoint_of_a_cluster_costs_nothing, 0,
                        names_count);
    tcase_add_loop_test(points, later_deaths_cost_nothing, 0, names_count);
    tcase_add_row_test(points, a_death_on_the_way_costs_nothing, others);
    return unit_run(suite);
}
