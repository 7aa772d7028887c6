/*
 * The wall clock of the server is set, forward and back, while it runs.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "case.h"
#include "chaos.h"
#include "crowd.h"
#include "feed.h"
#include "http.h"
#include "journal.h"
#include "verbs.h"
#include "wallclock.h"

#define DAY     86400
#define CLIENTS 50
#define OPEN_MS 30000

/* The server says which time it has: created, of a message published now. */
static int64_t time_of(const struct server *s)
{
    const char *mid = publish(s, "user=nobody", "TTL: 900\r\n", "x");

    return json_int_at(life_of(s, mid), "created") / 1000;
}

/* Messages that wait, streams and devices outlive every jump. */
START_TEST(a_wall_clock_that_jumps_by_a_day_ends_nothing_early)
{
    static const int jumps[] = {DAY, 0, -DAY, 0, DAY};
    struct wallclock *clock = wallclock_at(NULL);
    struct server_options so = {
        .preload = wallclock_library(),
        .global = "PushMaxPending 100000\nPushShmSize 256M"};
    struct server *s;
    struct loop *loop = loop_create();
    struct crowd_options co = {
        .count = CLIENTS, .ack_ms = 1000, .journal = journal_open()};
    struct feed_options fo = {
        .users = CLIENTS, .rate = 100, .ttl = 900, .journal = co.journal};
    struct crowd *crowd;
    struct feed *feed;
    struct stream *st;
    int64_t usual;
    size_t i;

    ck_assert_int_eq(setenv("PUSH_WALLCLOCK", clock->name, 1), 0);
    s = server_start(&so);
    co.server = fo.server = s;
    st = stream_open(s, "user=away&device=d&seq=0", NULL);
    leave(s, st);
    publish(s, "user=away", "TTL: 900\r\n", "waiting");
    usual = time_of(s);
    crowd = crowd_start(loop, &co);
    loop_until(loop, OPEN_MS, crowd_open(crowd) == CLIENTS);
    feed = feed_start(loop, &fo);
    for (i = 0; i < sizeof(jumps) / sizeof(*jumps); i++) {
        atomic_store(clock->ahead, jumps[i]);
        loop_run(loop, chaos_duration(5000) / 5);
    }
    /* The preloaded clock is the one that the server goes by. */
    ck_assert_int_gt(time_of(s), usual + DAY / 2);
    feed_finish(feed);
    loop_until(loop, OPEN_MS,
               crowd->counts.delivered >= feed->counts.accepted);
    ck_assert_int_eq(crowd->counts.dropped + crowd->counts.silences, 0);
    ck_assert_int_eq(crowd->counts.byes, 0);
    ck_assert_int_eq(crowd->counts.opened, CLIENTS);
    ck_assert_int_eq(stat_of(s, "expired"), 0);
    st = stream_open(s, "user=away&device=d&seq=0", NULL);
    expect_message(st, 1, "waiting");
    crowd_close(crowd);
    journal_judge(co.journal);
}
END_TEST

/* A mid holds the time: later ones are greater all the same. */
START_TEST(mids_rise_when_the_wall_clock_is_set_back)
{
    struct wallclock *clock = wallclock_at(NULL);
    struct server_options so = {.preload = wallclock_library()};
    const char *before, *after;
    struct server *s;

    ck_assert_int_eq(setenv("PUSH_WALLCLOCK", clock->name, 1), 0);
    s = server_start(&so);
    before = publish(s, "user=ada", NULL, "x");
    atomic_store(clock->ahead, -DAY);
    after = publish(s, "user=ada", NULL, "x");
    ck_assert_str_gt(after, before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos clock");
    TCase *tc = case_add(suite, "clock", chaos_limit());

    tcase_add_test(tc, a_wall_clock_that_jumps_by_a_day_ends_nothing_early);
    tcase_add_test(tc, mids_rise_when_the_wall_clock_is_set_back);
    return chaos_run(suite);
}
