/*
 * Restarts under load: no plain stream is dropped by a graceful one, and the
 * clients of one that is not graceful come back spread.
 */
#include <check.h>
#include <stdlib.h>

#include "case.h"
#include "usage.h"
#include "chaos.h"
#include "crowd.h"
#include "faults.h"
#include "feed.h"
#include "journal.h"
#include "keep.h"
#include "verbs.h"

#define OPEN_MS   60000
#define SETTLE_MS 60000

/* Descriptors and threads may differ by what httpd happens to be doing. */
#define LEEWAY 5

static const struct server_options roomy = {
    .global = "PushShmSize 512M\nPushMaxPending 100000\n"
              "PushDrainTime 60"};

/* Every child has come, none of the old ones is left: count it then. */
static struct usage settled(struct loop *loop, const struct server *s)
{
    loop_until(loop, SETTLE_MS, server_is_quiet(s));
    return usage_take(s);
}

static void expect_no_leak(struct usage before, struct usage after,
                           int restarts)
{
    /* A sanitizer keeps back what is freed; without one this is strict. */
    long kept = getenv("PUSH_ASAN") ? 2048 : 512;

    ck_assert_int_eq(after.processes, before.processes);
    ck_assert_int_le(abs(after.threads - before.threads), LEEWAY);
    ck_assert_int_le(abs(after.descriptors - before.descriptors), LEEWAY);
    /* Some more threads have worked, each with an arena and a stack. */
    ck_assert_int_le(after.children, before.children * 5 / 4 + 2048);
    ck_assert_msg(after.parent <= before.parent + kept + 8 * restarts,
                  "the parent grew from %ld to %ld KiB in %d restarts",
                  before.parent, after.parent, restarts);
}

/* 1,000 streams, and 500 publishes a second. */
START_TEST(
    graceful_restarts_under_load_drop_no_stream_lose_nothing_leak_nothing)
{
    struct server *s = server_start(&roomy);
    struct loop *loop = loop_create();
    struct crowd_options co = {
        .server = s, .count = 1000, .ack_ms = 8000, .journal = journal_open()};
    struct feed_options fo = {
        .server = s, .users = 1000, .rate = 500, .journal = co.journal};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed;
    struct usage before, after;
    int i, restarts = chaos_pick(3, 100);
    int64_t late;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == co.count);
    /* The first one moves all streams into children that have no history. */
    fault_graceful(loop, s);
    before = settled(loop, s);
    feed = feed_start(loop, &fo);
    for (i = 0; i < restarts; i++) {
        loop_run(loop, 1000);
        fault_graceful(loop, s);
    }
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= feed->counts.accepted);
    ck_assert_int_eq(crowd->counts.dropped, 0);
    ck_assert_int_eq(crowd->counts.byes, 0);
    ck_assert_msg(crowd->counts.silences == 0,
                  "%d streams were silent for 7 s, the longest for %ld ms",
                  (int)crowd->counts.silences,
                  (long)crowd->counts.longest_silence);
    ck_assert_int_eq(crowd->counts.opened, (unsigned)co.count);
    ck_assert_int_eq(crowd->counts.received, crowd->counts.delivered);
    ck_assert_int_eq(feed->counts.refused, 0);
    late = wait_now() + SETTLE_MS;
    fault_graceful(loop, s);
    /* Acknowledgements may be under way, each on a connection. */
    do {
        after = settled(loop, s);
    } while (abs(after.descriptors - before.descriptors) > LEEWAY
             && wait_now() < late);
    expect_no_leak(before, after, restarts);
    printf("%d graceful restarts: %llu messages, parent %ld -> %ld KiB, "
           "children %ld -> %ld KiB, descriptors %d -> %d\n",
           restarts, (unsigned long long)crowd->counts.delivered,
           before.parent, after.parent, before.children, after.children,
           before.descriptors, after.descriptors);
    crowd_close(crowd);
    journal_judge(co.journal);
}
END_TEST

/* 10,000 clients, whose reconnects a hint of the server spreads. */
START_TEST(the_clients_of_a_restart_come_back_spread_as_the_server_says)
{
    struct server *s = server_start(&roomy);
    struct loop *loop = loop_create();
    struct crowd_options co = {
        .server = s, .count = chaos_pick(1000, 10000), .pace = 50};
    struct feed_options fo = {.server = s, .users = 1000, .rate = 200};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed = feed_start(loop, &fo);
    int64_t start, back;
    uint32_t peak;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == co.count);
    /* The server counts its streams twice a second. */
    loop_run(loop, 1500);
    crowd_mark(crowd);
    loop_forget_lateness(loop);
    start = wait_now();
    fault_restart(loop, s);
    loop_until(loop, OPEN_MS, crowd_open(crowd) == co.count);
    back = wait_now() - start;
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= feed->counts.accepted);
    peak = crowd_peak(crowd->tries, 0, CROWD_BINS - 1);
    printf("restart of %d streams: spread %llu ms, peak %u attempts a "
           "100 ms, all back in %lld ms\n",
           co.count, (unsigned long long)crowd->counts.spread, peak,
           (long long)back);
    ck_assert_int_eq(crowd->counts.byes, (unsigned)co.count);
    /* 2 % of 10,000: twice the mean of 1,000 a second. What we were late for
     * we do at once. */
    ck_assert_int_le(peak, 200 + 2 * loop_lateness(loop));
    ck_assert_int_ge(crowd->counts.spread, (unsigned)co.count);
    ck_assert_int_le(back, 12000 + loop_lateness(loop));
    crowd_close(crowd);
}
END_TEST

START_TEST(
    streams_that_are_all_cut_at_once_are_back_and_resumed_in_ten_seconds)
{
    struct server *s = server_start(&roomy);
    struct loop *loop = loop_create();
    struct crowd_options co = {
        .server = s, .count = chaos_pick(1000, 10000), .pace = 50};
    struct feed_options fo = {.server = s, .users = 1000, .rate = 500};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed;
    int64_t start, back;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == co.count);
    feed = feed_start(loop, &fo);
    loop_run(loop, 500);
    crowd_cut(crowd, 1);
    start = wait_now();
    loop_until(loop, OPEN_MS, crowd_open(crowd) == co.count);
    back = wait_now() - start;
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= feed->counts.accepted);
    printf("%d streams cut at once: all back in %lld ms\n", co.count,
           (long long)back);
    ck_assert_int_le(back, 10000 + loop_lateness(loop));
    crowd_close(crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos restart");
    TCase *tc = case_add(suite, "restart", chaos_limit());

    tcase_add_test(
        tc,
        graceful_restarts_under_load_drop_no_stream_lose_nothing_leak_nothing);
    tcase_add_test(
        tc, the_clients_of_a_restart_come_back_spread_as_the_server_says);
    tcase_add_test(
        tc,
        streams_that_are_all_cut_at_once_are_back_and_resumed_in_ten_seconds);
    return chaos_run(suite);
}
