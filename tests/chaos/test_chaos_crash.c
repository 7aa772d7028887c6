/*
 * Children that die by SIGKILL, at whatever instruction they are.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "chaos.h"
#include "crowd.h"
#include "faults.h"
#include "feed.h"
#include "journal.h"
#include "keep.h"
#include "serverlog.h"
#include "verbs.h"

#define CLIENTS   200
#define OPEN_MS   30000
#define SETTLE_MS 60000
/* Up so long, a stream counts as good, and its client waits little again. */
#define PROOF_MS 10500
#define BACK_MS  3000 /* within which 99 % of those affected stream again */

/* Send kills every 200 to 800 ms; how many were sent. */
static int kill_children(struct loop *loop, const struct server *s,
                         int64_t duration)
{
    struct dice dice = dice_make("kills");
    int64_t end = wait_now() + duration;
    int kills = 0;

    while (wait_now() < end) {
        loop_run(loop, 200 + (int64_t)dice_roll(&dice, 601));
        kills += fault_kill(s, &dice);
    }
    return kills;
}

static struct server *start(void)
{
    static const struct server_options o = {
        .children = 3,
        .global = "PushShmSize 512M\nPushMaxPending 100000\nPushRetry 500"};
    struct server *s = server_start(&o);

    server_allow(s, "exit signal Killed");
    /* The event MPM tells as many children to end as it counted a second
     * ago: one that has just replaced a killed one may not hear of it. */
    server_allow(s, "AH00046:");
    return s;
}

START_TEST(children_that_are_killed_at_random_lose_no_message)
{
    struct server *s = start();
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s,
                               .count = CLIENTS,
                               .ack_ms = 2000,
                               .journal = journal_open()};
    struct feed_options fo = {.server = s,
                              .users = CLIENTS,
                              .rate = 500,
                              .persists = true,
                              .journal = co.journal};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed;
    int kills;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == CLIENTS);
    feed = feed_start(loop, &fo);
    kills = kill_children(loop, s, chaos_duration(4000));
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= feed->counts.accepted);
    printf("%d children killed: %llu messages, %llu streams cut, %llu "
           "publishes repeated\n",
           kills, (unsigned long long)crowd->counts.delivered,
           (unsigned long long)crowd->counts.dropped,
           (unsigned long long)feed->counts.broken);
    ck_assert_int_gt(kills, 0);
    ck_assert_int_eq(crowd->counts.gapped, 0);
    ck_assert_int_eq(crowd->counts.foreign, 0);
    ck_assert_int_eq(feed->counts.unadvised, 0);
    crowd_close(crowd);
    journal_judge(co.journal);
}
END_TEST

/* Kill one child; how many streams it had, all but 1 % of which have to be
 * back in time. */
static int expect_back(struct loop *loop, struct crowd *crowd,
                       const struct server *s, struct dice *dice)
{
    int before = (int)crowd->counts.dropped, affected;

    loop_forget_lateness(loop);
    ck_assert(fault_kill(s, dice));
    loop_run(loop, BACK_MS);
    loop_run(loop, loop_lateness(loop));
    affected = (int)crowd->counts.dropped - before;
    ck_assert_int_ge(crowd_open(crowd), CLIENTS - 1 - affected / 100);
    loop_until(loop, OPEN_MS,
               crowd_open(crowd) == CLIENTS
                   && server_children(s, (pid_t[64]){0}, 64) >= 3);
    return affected;
}

/* One kill at a time, so that it is known whom it affects. */
START_TEST(the_streams_of_a_killed_child_are_back_within_three_seconds)
{
    struct server *s = start();
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = CLIENTS};
    struct feed_options fo = {
        .server = s, .users = CLIENTS, .rate = 100, .persists = true};
    struct dice dice = dice_make("one kill");
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed;
    int round, affected = 0;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == CLIENTS);
    feed = feed_start(loop, &fo);
    for (round = 0; round < chaos_pick(1, 5) || affected == 0; round++) {
        if (affected > 0) {
            loop_run(loop, PROOF_MS);
        }
        affected += expect_back(loop, crowd, s, &dice);
    }
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               crowd->counts.delivered >= feed->counts.accepted);
    crowd_close(crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos crash");
    TCase *tc = case_add(suite, "crash", chaos_limit());

    tcase_add_test(tc, children_that_are_killed_at_random_lose_no_message);
    tcase_add_test(
        tc, the_streams_of_a_killed_child_are_back_within_three_seconds);
    return chaos_run(suite);
}
