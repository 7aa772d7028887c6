/*
 * Clients that never acknowledge, as a bare EventSource or curl: whatever is
 * cut, each message comes or is told of as lost.  Published as lines.
 */
#include <check.h>
#include <stdio.h>

#include "case.h"
#include "chaos.h"
#include "crowd.h"
#include "faults.h"
#include "feed.h"
#include "verbs.h"

#define CLIENTS   60
#define OPEN_MS   30000
#define SETTLE_MS 60000

/* A small window slides all the time; a small history runs out at times. */
static const struct server_options narrow = {
    .children = 3,
    .global = "PushShmSize 128M\nPushMaxInFlight 16\nPushChannelHistory 4000\n"
              "PushRetry 500"};

/* How many clients lack a message of which nothing was said. */
static int clients_short_of(const struct crowd *crowd, uint64_t accepted)
{
    int i, count = 0;

    for (i = 0; i < crowd->options.count; i++) {
        count += crowd_accounted(crowd, i) < accepted;
    }
    return count;
}

/* Cut some streams, and now and then kill a child. */
static void disturb(struct loop *loop, struct crowd *crowd,
                    const struct server *s, int64_t duration)
{
    struct dice dice = dice_make("disturbances");
    int64_t end = wait_now() + duration;
    int round;

    for (round = 0; wait_now() < end; round++) {
        loop_run(loop, 50 + (int64_t)dice_roll(&dice, 200));
        crowd_cut(crowd, 0.1);
        if (round % 8 == 7) {
            fault_kill(s, &dice);
        }
    }
}

START_TEST(who_never_acknowledges_gets_each_message_or_is_told)
{
    struct server *s = server_start(&narrow);
    struct loop *loop = loop_create();
    struct crowd_options co = {
        .server = s, .count = CLIENTS, .channel = "all", .implicit = true};
    struct feed_options fo = {.server = s,
                              .channel = "all",
                              .connections = 4,
                              .rate = 2000,
                              .size = 1000,
                              .ttl = 600,
                              .lines = true,
                              .persists = true};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed;

    server_allow(s, "exit signal Killed");
    server_allow(s, "AH00046:");
    loop_until(loop, OPEN_MS, crowd_open(crowd) == CLIENTS);
    feed = feed_start(loop, &fo);
    disturb(loop, crowd, s, chaos_duration(4000));
    feed_finish(feed);
    loop_until(loop, SETTLE_MS,
               clients_short_of(crowd, feed->counts.accepted) == 0);
    printf("%llu lines published, %llu streams cut: %llu messages, %llu told "
           "of as lost\n",
           (unsigned long long)feed->counts.accepted,
           (unsigned long long)crowd->counts.dropped,
           (unsigned long long)crowd->counts.delivered,
           (unsigned long long)crowd->counts.gapped);
    ck_assert_int_gt(crowd->counts.dropped, 0);
    ck_assert_int_eq(crowd->counts.foreign, 0);
    crowd_close(crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos implicit");
    TCase *tc = case_add(suite, "implicit", chaos_limit());

    tcase_add_test(tc, who_never_acknowledges_gets_each_message_or_is_told);
    return chaos_run(suite);
}
