/*
 * Clients that are slow, idle or too many, and what the others feel of it.
 *
 * How long things take depends on the machine: what is asserted are ratios
 * within one run, wide ones, and the figures are printed.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "usage.h"
#include "chaos.h"
#include "crowd.h"
#include "faults.h"
#include "feed.h"
#include "http.h"
#include "keep.h"
#include "laggard.h"
#include "verbs.h"

#define OPEN_MS   60000
#define SETTLE_MS 60000
#define WORKERS   32 /* of two children */

/* The p99 (ms) of 200 messages a second to the crowd. */
static double p99(struct loop *loop, struct crowd *crowd, const char *name)
{
    struct feed_options fo = {.server = crowd->options.server,
                              .name = name,
                              .users = crowd->options.count,
                              .rate = 200};
    uint64_t before = crowd->counts.delivered;
    struct feed *feed;

    crowd_mark(crowd);
    feed = feed_start(loop, &fo);
    loop_run(loop, chaos_duration(2000));
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= before + feed->counts.accepted);
    return (double)pb_hist_percentile(&crowd->latency, 99) / 1e6;
}

/* The same beside what must hold nobody up: the least of a few rounds where
 * it is above the limit. A busy machine makes one of them bad, a server that
 * is held up all. */
static double p99_beside(struct loop *loop, struct crowd *crowd, double limit)
{
    static const char *const again[] = {"with-2", "with-3"};
    double least = p99(loop, crowd, "with");
    int i;

    for (i = 0; i < 2 && least > limit; i++) {
        double next = p99(loop, crowd, again[i]);

        least = next < least ? next : least;
    }
    return least;
}

/* ---- those who never read ---- */

#define STUCK   100
#define PENDING 50
#define SOCKETS 200 /* messages of 2,000 bytes, at most */

/* What waits for each of them, and what the kernel holds, is bounded. */
static void expect_bounded(const struct server *s)
{
    int i;

    for (i = 0; i < STUCK; i += 10) {
        const struct answer *a = http_get(
            s, keep_printf("/push/users/stuck%d/devices", i));

        ck_assert_int_le(json_int_at(a->json, "devices.0.pending"), PENDING);
        /* These went into the buffers of two sockets. */
        ck_assert_int_le(json_int_at(a->json, "devices.0.in_flight"), SOCKETS);
    }
}

START_TEST(
    clients_that_never_read_cost_their_mailbox_and_are_closed_at_their_limit)
{
    struct server_options so = {
        .global = "PushMaxPending 50\nPushShmSize 256M",
        .receive = "PushUser query:user\nPushWriteTimeout 5"};
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options readers = {.server = s, .count = 100, .ack_ms = 500};
    struct crowd_options stuck = {.server = s,
                                  .count = STUCK,
                                  .user = "stuck",
                                  .deaf = true,
                                  .receive_buffer = 4096};
    struct feed_options fo = {.server = s,
                              .name = "s",
                              .user = "stuck",
                              .users = STUCK,
                              .rate = 1000,
                              .size = 2000};
    struct crowd *crowd = crowd_start(loop, &readers);
    struct crowd *mute;
    struct feed *feed;
    struct usage before, during;
    double without, with;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == 100);
    without = p99(loop, crowd, "without");
    before = usage_take(s);
    mute = crowd_start(loop, &stuck);
    loop_until(loop, OPEN_MS, crowd_open(mute) == STUCK);
    feed = feed_start(loop, &fo);
    with = p99_beside(loop, crowd, 5 * without + 100);
    during = usage_take(s);
    expect_bounded(s);
    mute->options.last = true;
    /* Whoever takes nothing for PushWriteTimeout is closed, the others not. */
    loop_until(loop, SETTLE_MS, stat_of(s, "streams") == 100);
    feed_finish(feed);
    printf("p99 of 100 readers beside 100 that never read: %.1f ms, without "
           "%.1f ms; processes %+ld KiB\n",
           with, without, during.children - before.children);
    ck_assert_int_eq(crowd->counts.dropped + crowd->counts.silences, 0);
    /* A sanitizer keeps what was freed. */
    ck_assert_int_le(during.children,
                     before.children
                         + (getenv("PUSH_ASAN") != NULL ? 65536 : 4096));
    ck_assert(with <= 5 * without + 100);
    crowd_close(crowd);
    crowd_close(mute);
}
END_TEST

/* ---- those who have nothing to read ---- */

/* Let a process compute until the test ends it. */
static pid_t keep_a_core_busy(void)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        volatile unsigned n = 0;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            n++;
        }
    }
    return pid;
}

/* Seconds. The brief version beats faster, and so spreads sooner. */
#define BRIEF_BEAT 2
#define LONG_BEAT  4

/* What was seen of the heartbeats, and what may be. */
struct beats {
    int64_t longest, limit; /* silence, ms */
    double mean, peak;      /* in 100 ms */
};

/* The greatest mean of so many bins in a row, up to the last one. */
static double peak_of(const uint32_t *bins, int wide, int last)
{
    double peak = 0;
    int bin;

    for (bin = 0; bin + wide <= last + 1; bin++) {
        double sum = crowd_mean(bins, bin, bin + wide - 1);

        peak = sum > peak ? sum : peak;
    }
    return peak;
}

/* Watch the heartbeats for a while. */
static struct beats watch_beats(struct loop *loop, struct crowd *crowd,
                                const char *when, int64_t leeway)
{
    int64_t interval = 1000 * chaos_pick(BRIEF_BEAT, LONG_BEAT);
    int64_t duration = chaos_duration(4200), late;
    int last = (int)(duration / 100) - 1, wide;
    struct beats b;

    crowd_mark(crowd);
    loop_forget_lateness(loop);
    loop_run(loop, duration);
    last = last < CROWD_BINS ? last : CROWD_BINS - 1;
    late = loop_lateness(loop);
    /* What we were late for came to us all at once. */
    wide = 5 + 2 * (int)(late / 100);
    b.longest = crowd->counts.longest_silence;
    b.limit = interval + 500 + 2 * late + leeway;
    b.mean = crowd_mean(crowd->beats, 0, last);
    b.peak = peak_of(crowd->beats, wide, last);
    printf("%d idle streams%s: longest silence %lld ms, a 100 ms %.1f beats, "
           "at most %.1f over %d ms; we were late by %lld ms\n",
           crowd->options.count, when, (long long)b.longest, b.mean, b.peak,
           wide * 100, (long long)late);
    ck_assert(b.mean * (double)interval / 100 >= 0.75 * crowd->options.count);
    ck_assert_int_eq(crowd->counts.silences + crowd->counts.dropped, 0);
    return b;
}

/* In one of three rounds: others may keep the machine busy in one. */
static void expect_beats(struct loop *loop, struct crowd *crowd,
                         const char *when, int64_t leeway)
{
    struct beats b;
    int round = 0;

    do {
        b = watch_beats(loop, crowd, when, leeway);
        round++;
    } while (round < 3 && (b.longest > b.limit || b.peak > 2 * b.mean));
    ck_assert_int_le(b.longest, b.limit);
    ck_assert(b.peak <= 2 * b.mean);
}

START_TEST(idle_streams_hear_a_byte_in_time_and_not_all_at_once)
{
    struct server_options so = {
        .global = "PushShmSize 256M",
        .receive = keep_printf("PushUser query:user\nPushHeartbeat %d",
                               chaos_pick(BRIEF_BEAT, LONG_BEAT))};
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options co = {
        .server = s, .count = chaos_pick(2000, 10000), .pace = 50};
    struct crowd *crowd = crowd_start(loop, &co);
    pid_t busy[2];
    int i;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == co.count);
    /* They all came at once: a few rounds spread them. */
    loop_run(loop, chaos_pick(6000, 40000));
    expect_beats(loop, crowd, "", 0);
    for (i = 0; i < 2; i++) {
        busy[i] = keep_a_core_busy();
    }
    expect_beats(loop, crowd, " and busy cores", 1000);
    for (i = 0; i < 2; i++) {
        kill(busy[i], SIGKILL);
        waitpid(busy[i], NULL, 0);
    }
    crowd_close(crowd);
}
END_TEST

/* ---- those who are slow to ask ---- */

START_TEST(slow_heads_slow_bodies_and_slow_readers_hold_nobody_else_up)
{
    /* A worker for each that asks slowly, as httpd has to have. */
    struct server_options so = {
        .children = chaos_pick(2, 4),
        .global = "ThreadLimit 600\nThreadsPerChild 600\n"
                  "MaxRequestWorkers 7200\nMinSpareThreads 10\n"
                  "PushShmSize 256M\nPushMaxPending 50\n"
                  "RequestReadTimeout header=3 body=3",
        .receive = "PushUser query:user\nPushWriteTimeout 5"};
    int slow = chaos_pick(200, 1000);
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options readers = {.server = s, .count = 100, .ack_ms = 500};
    struct crowd_options deaf = {.server = s,
                                 .count = slow,
                                 .user = "deaf",
                                 .deaf = true,
                                 .receive_buffer = 4096};
    struct feed_options fo = {.server = s,
                              .name = "d",
                              .user = "deaf",
                              .users = slow,
                              .rate = 500,
                              .size = 2000};
    struct crowd *crowd = crowd_start(loop, &readers), *mute;
    struct laggards *heads, *bodies;
    struct feed *feed;
    double without, with;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == 100);
    without = p99(loop, crowd, "without");
    mute = crowd_start(loop, &deaf);
    loop_until(loop, OPEN_MS, crowd_open(mute) == slow);
    heads = laggards_start(loop, s, LAGGARD_HEAD, slow, 500);
    bodies = laggards_start(loop, s, LAGGARD_BODY, slow, 500);
    feed = feed_start(loop, &fo);
    with = p99_beside(loop, crowd, 5 * without + 200);
    printf("p99 of 100 readers beside %d slow heads, bodies and readers each: "
           "%.1f ms, without %.1f ms\n",
           slow, with, without);
    ck_assert(with <= 5 * without + 200);
    /* Each is ended at its time. */
    loop_until(loop, SETTLE_MS, heads->turned >= (unsigned)slow);
    loop_until(loop, SETTLE_MS, bodies->turned >= (unsigned)slow);
    feed_finish(feed);
    laggards_stop(heads);
    laggards_stop(bodies);
    crowd_close(mute);
    loop_until(loop, SETTLE_MS, stat_of(s, "streams") == 100);
    ck_assert_int_eq(crowd->counts.dropped + crowd->counts.silences, 0);
    crowd_close(crowd);
}
END_TEST

/* ---- no descriptors ---- */

/* A server whose processes may open so many files. */
static struct server *start_with_files(rlim_t files,
                                       const struct server_options *so)
{
    struct rlimit usual, few;
    struct server *s;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
    few = usual;
    few.rlim_cur = files;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    s = server_start(so);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
    return s;
}

START_TEST(
    a_server_without_descriptors_refuses_and_recovers_and_keeps_its_children)
{
    struct server_options so = {.receive = "PushUser query:user\n"};
    struct server *s = start_with_files(400, &so);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = 600, .ack_ms = 1000};
    struct feed_options fo = {.server = s, .users = 600, .rate = 100};
    struct crowd *crowd;
    struct feed *feed;
    pid_t before[64], after[64];
    int i, full, children = server_children(s, before, 64);
    long cpu;

    server_allow(s, "PUSH0121:"); /* that is what this is about */
    crowd = crowd_start(loop, &co);
    feed = feed_start(loop, &fo);
    loop_until(loop, OPEN_MS, crowd->counts.refused >= 400);
    full = crowd_open(crowd);
    ck_assert_int_gt(full, 100);
    ck_assert_int_lt(full, 600);
    cpu = usage_cpu(s);
    loop_run(loop, chaos_duration(2000));
    cpu = usage_cpu(s) - cpu;
    ck_assert_int_eq(crowd_open(crowd), full);
    ck_assert_int_eq(crowd->counts.unadvised, 0);
    ck_assert_int_eq(crowd->counts.dropped + crowd->counts.silences, 0);
    printf("400 descriptors a process: %d of 600 streams, %ld ms of processor "
           "time in %lld ms\n",
           full, cpu, (long long)chaos_duration(2000));
    /* Two processes that spin would take as much as there is. */
    ck_assert_int_lt(cpu, chaos_duration(2000) / 2);
    feed_finish(feed);
    /* Those who came in leave: there is room for others. A place that two
     * workers see free at the same time may have been taken twice. */
    crowd_close(crowd);
    co.user = "late";
    co.count = full - WORKERS;
    crowd = crowd_start(loop, &co);
    loop_until(loop, OPEN_MS, crowd_open(crowd) == co.count);
    ck_assert_int_eq(server_children(s, after, 64), children);
    for (i = 0; i < children; i++) {
        ck_assert_int_eq(after[i], before[i]);
    }
    crowd_close(crowd);
}
END_TEST

START_TEST(clients_without_descriptors_wait_and_come_when_there_are_some)
{
    struct server *s = server_start(NULL);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = 200};
    struct rlimit usual, few;
    struct crowd *crowd;
    uint64_t attempts;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
    few = usual;
    few.rlim_cur = 100;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    crowd = crowd_start(loop, &co);
    loop_until(loop, OPEN_MS,
               crowd->counts.failed >= 120 && crowd_open(crowd) > 50);
    /* At least 100 ms apart, twice as far at each turn. */
    attempts = crowd->counts.attempts;
    loop_run(loop, 1000);
    ck_assert_int_le(crowd->counts.attempts - attempts, 200 * 4);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
    loop_until(loop, OPEN_MS, crowd_open(crowd) == 200);
    crowd_close(crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos slow");
    TCase *tc = case_add(suite, "slow", chaos_limit());

    tcase_add_test(
        tc,
        clients_that_never_read_cost_their_mailbox_and_are_closed_at_their_limit);
    tcase_add_test(tc, idle_streams_hear_a_byte_in_time_and_not_all_at_once);
    tcase_add_test(
        tc, slow_heads_slow_bodies_and_slow_readers_hold_nobody_else_up);
    tc = case_add(suite, "descriptors", chaos_limit());
    tcase_add_test(
        tc,
        a_server_without_descriptors_refuses_and_recovers_and_keeps_its_children);
    tcase_add_test(
        tc, clients_without_descriptors_wait_and_come_when_there_are_some);
    return chaos_run(suite);
}
