#include "core_suite.h"
#include "core_world.h"
#include "store/ops/follow_walk.h"
#include "store/ops/unfollow.h"
#include "store/upkeep/sweep.h"
#include "store_cluster.h"

#include <string.h>
#include <unistd.h>

/* Logs that a node follows: loaded whole, without a hole, and left. */

static fixture_t g;

static void begin(void)
{
    node_init(&g, (size_t)4 << 20);
}

static void end(void)
{
    fixture_cleanup(&g);
}

static push_follow_t start(const char *log)
{
    push_follow_t follow;

    ck_assert_int_eq(push_follow_begin(&g.store, named(log), &follow),
                     PUSH_OK);
    return follow;
}

static push_status_t load(push_loaded_t loaded, bool *again)
{
    return push_follow_load(&g.store, &loaded, &g.now, again);
}

/* An answer that has nothing, up to this tick. */
static bool load_nothing(const char *log, uint32_t errand, uint64_t tick)
{
    bool again;

    ck_assert_int_eq(load((push_loaded_t){.log = named(log),
                                          .errand = errand,
                                          .tick = tick},
                          &again),
                     PUSH_OK);
    return again;
}

static push_follow_view_t look(const char *log)
{
    push_follow_view_t view;

    ck_assert_int_eq(push_follow_read(&g.store, named(log), &view), PUSH_OK);
    return view;
}

START_TEST(a_log_is_loaded_in_the_order_of_its_ticks)
{
    push_follow_t follow = start("uada");
    push_applied_t entries[] = {
        said(&g, "uada", 12, "b"),
        recall_of("uada", 14, node_mid(&g, "uada", 13)),
        said(&g, "uada", 13, "c"), said(&g, "uada", 11, "a")};
    push_stream_ref_t ada;
    bool again;

    ck_assert(follow.mine);
    ck_assert_int_eq(follow.state, PUSH_FOLLOW_LOADING);
    ck_assert_uint_eq(follow.since, 0);
    ck_assert_int_eq(load((push_loaded_t){.log = named("uada"),
                                          .errand = follow.errand,
                                          .tick = 20,
                                          .whole = true,
                                          .entries = entries,
                                          .count = 4},
                          &again),
                     PUSH_OK);
    ck_assert(!again);
    ck_assert_int_eq(look("uada").state, PUSH_FOLLOW_LIVE);
    ck_assert_uint_eq(look("uada").version, 20);
    ada = node_come(&g, "ada", "d", NULL, 1);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a 2=b");
    ck_assert_int_eq(node_say(&g, "uada", 20, "x"), PUSH_APPLY_REPEATED);
    ck_assert_int_eq(node_say(&g, "uada", 21, "d"), PUSH_APPLIED);
    ck_assert_str_eq(fixture_flush(&g, &ada), "3=d");
}
END_TEST

START_TEST(one_errand_at_a_time_loads_a_log)
{
    push_follow_t first = start("uada");
    push_follow_t second = start("uada");

    ck_assert(first.mine);
    ck_assert(!second.mine);
    ck_assert_int_eq(second.state, PUSH_FOLLOW_LOADING);
    ck_assert_int_eq(push_follow_fail(&g.store, named("uada"), first.errand),
                     PUSH_OK);
    second = start("uada");
    ck_assert(second.mine);
    ck_assert_uint_ne(second.errand, first.errand);
}
END_TEST

START_TEST(an_errand_that_was_taken_over_changes_nothing)
{
    push_follow_t first = start("uada");
    push_applied_t entry = said(&g, "uada", 11, "a");
    bool again;

    push_follow_fail(&g.store, named("uada"), first.errand);
    start("uada");
    ck_assert_int_eq(load((push_loaded_t){.log = named("uada"),
                                          .errand = first.errand,
                                          .tick = 20,
                                          .entries = &entry,
                                          .count = 1},
                          &again),
                     PUSH_STALE);
    ck_assert_int_eq(look("uada").state, PUSH_FOLLOW_LOADING);
    ck_assert_int_eq(push_follow_fail(&g.store, named("uada"), first.errand),
                     PUSH_STALE);
}
END_TEST

START_TEST(what_comes_while_it_is_loaded_is_asked_for_again)
{
    push_follow_t follow = start("uada");
    push_applied_t entry = said(&g, "uada", 21, "late");
    push_stream_ref_t ada;
    bool again;

    ck_assert_int_eq(node_say(&g, "uada", 21, "late"), PUSH_APPLY_LATER);
    ck_assert(load_nothing("uada", follow.errand, 20));
    ck_assert(look("uada").behind);
    ck_assert_int_eq(node_say(&g, "uada", 22, "later"), PUSH_APPLY_BEHIND);
    follow = start("uada");
    ck_assert(follow.mine);
    ck_assert_int_eq(follow.state, PUSH_FOLLOW_LIVE);
    ck_assert_uint_eq(follow.since, 20);
    ada = node_come(&g, "ada", "d", NULL, 1);
    ck_assert_int_eq(load((push_loaded_t){.log = named("uada"),
                                          .errand = follow.errand,
                                          .since = 20,
                                          .tick = 23,
                                          .entries = &entry,
                                          .count = 1},
                          &again),
                     PUSH_OK);
    ck_assert(!again);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=late");
    ck_assert(!look("uada").behind);
}
END_TEST

START_TEST(what_the_answer_has_already_is_not_asked_for_again)
{
    push_follow_t follow = start("uada");

    ck_assert_int_eq(node_say(&g, "uada", 19, "early"), PUSH_APPLY_LATER);
    ck_assert(!load_nothing("uada", follow.errand, 20));
}
END_TEST

START_TEST(entries_of_a_suspect_partition_are_noted_and_loaded)
{
    push_applied_t entries[2];
    push_stream_ref_t ada;
    bool again;

    node_follow(&g, "uada", 10);
    ada = node_come(&g, "ada", "d", NULL, 1);
    ck_assert_int_eq(node_apply(&g, &(order_t){.log = "uada",
                                               .tick = 12,
                                               .text = "b",
                                               .suspect = true}),
                     PUSH_APPLY_BEHIND);
    ck_assert_int_eq(node_say(&g, "uada", 13, "c"), PUSH_APPLY_BEHIND);
    entries[0] = said(&g, "uada", 12, "b");
    entries[1] = said(&g, "uada", 11, "a");
    ck_assert_int_eq(load((push_loaded_t){.log = named("uada"),
                                          .since = 10,
                                          .tick = 12,
                                          .entries = entries,
                                          .count = 2},
                          &again),
                     PUSH_OK);
    ck_assert(again);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a 2=b");
}
END_TEST

START_TEST(a_resync_from_a_version_that_is_not_reached_is_refused)
{
    bool again;

    node_follow(&g, "uada", 10);
    ck_assert_int_eq(
        load((push_loaded_t){.log = named("uada"), .since = 11, .tick = 20},
             &again),
        PUSH_STALE);
    ck_assert_uint_eq(look("uada").version, 10);
    ck_assert_int_eq(load((push_loaded_t){.log = named("ueve"), .tick = 20},
                          &again),
                     PUSH_NOT_FOUND);
}
END_TEST

START_TEST(a_resync_repeats_nothing_and_recalls_what_was_recalled)
{
    push_applied_t entries[3];
    push_stream_ref_t ada;
    bool again;

    node_follow(&g, "uada", 10);
    node_say(&g, "uada", 11, "a");
    node_say(&g, "uada", 12, "b");
    entries[0] = said(&g, "uada", 12, "b");
    entries[1] = said(&g, "uada", 13, "c");
    entries[2] = recall_of("uada", 12, node_mid(&g, "uada", 11));
    load((push_loaded_t){.log = named("uada"),
                         .since = 10,
                         .tick = 20,
                         .entries = entries,
                         .count = 3},
         &again);
    ada = node_come(&g, "ada", "d", NULL, 1);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=b 2=c");
}
END_TEST

START_TEST(what_a_whole_answer_does_not_have_has_ended)
{
    push_applied_t entries[2];
    push_stream_ref_t ada;
    push_dropped_t mark = {.tick = 11, .lane = PUSH_HIGH, .count = 1};
    bool again;

    node_follow(&g, "uada", 10);
    node_apply(&g, &(order_t){.log = "uada",
                              .tick = 11,
                              .text = "over the limit",
                              .urgency = PUSH_HIGH});
    node_say(&g, "uada", 12, "recalled");
    node_say(&g, "uada", 13, "stays");
    entries[0] = said(&g, "uada", 13, "stays");
    entries[1] = said(&g, "uada", 15, "new");
    ck_assert_int_eq(load((push_loaded_t){.log = named("uada"),
                                          .since = 0,
                                          .tick = 20,
                                          .whole = true,
                                          .entries = entries,
                                          .count = 2,
                                          .marks = &mark,
                                          .marks_count = 1},
                          &again),
                     PUSH_OK);
    ada = node_come(&g, "ada", "d", NULL, 1);
    ck_assert_str_eq(fixture_flush(&g, &ada),
                     "1=over the limit 2=stays 3=new");
}
END_TEST

START_TEST(pieces_of_an_answer_are_loaded_one_after_the_other)
{
    push_follow_t follow = start("uada");
    push_applied_t one = said(&g, "uada", 11, "a");
    push_applied_t two = said(&g, "uada", 12, "b");
    push_stream_ref_t ada;
    bool again;

    load((push_loaded_t){.log = named("uada"),
                         .errand = follow.errand,
                         .tick = 11,
                         .more = true,
                         .entries = &one,
                         .count = 1},
         &again);
    ck_assert_int_eq(look("uada").state, PUSH_FOLLOW_LOADING);
    ck_assert(!look("uada").unattended);
    ck_assert_uint_eq(look("uada").version, 11);
    load((push_loaded_t){.log = named("uada"),
                         .errand = follow.errand,
                         .since = 11,
                         .tick = 12,
                         .entries = &two,
                         .count = 1},
         &again);
    ck_assert_int_eq(look("uada").state, PUSH_FOLLOW_LIVE);
    ada = node_come(&g, "ada", "d", NULL, 1);
    ck_assert_str_eq(fixture_flush(&g, &ada), "1=a 2=b");
}
END_TEST

/* In several runs, between which others may have the lock. */
START_TEST(a_long_log_is_loaded_to_its_end)
{
    static push_applied_t entries[700];
    push_follow_t follow = start("uada");
    push_stream_ref_t ada;
    unsigned received = 0;
    bool again;

    for (unsigned i = 0; i < 700; i++) {
        entries[i] = said(&g, "uada", 711 - i, "x");
    }
    ck_assert_int_eq(load((push_loaded_t){.log = named("uada"),
                                          .errand = follow.errand,
                                          .tick = 800,
                                          .entries = entries,
                                          .count = 700},
                          &again),
                     PUSH_OK);
    ck_assert(!again);
    ck_assert(!look("uada").behind);
    ada = node_come(&g, "ada", "d", NULL, 1);
    do {
        ck_assert_ptr_nonnull(fixture_flush(&g, &ada));
        received += g.delivery.count;
    } while (g.delivery.count);
    ck_assert_uint_eq(received, 700);
}
END_TEST

/* Of a user a device that is new is told, of a channel one that reads it. */
START_TEST(what_was_dropped_elsewhere_for_the_limit_is_told)
{
    push_follow_t user = start("uada"), channel = start("cnews");
    push_dropped_t mark = {.tick = 11,
                           .lane = PUSH_NORMAL,
                           .count = 3,
                           .until = g.now.mono + 60000};
    push_applied_t one = said(&g, "uada", 12, "u");
    push_stream_ref_t ada;
    push_dropped_t more = {.tick = 22,
                           .lane = PUSH_NORMAL,
                           .count = 5,
                           .until = g.now.mono + 60000};
    bool again;

    load((push_loaded_t){.log = named("uada"),
                         .errand = user.errand,
                         .tick = 20,
                         .entries = &one,
                         .count = 1,
                         .marks = &mark,
                         .marks_count = 1},
         &again);
    load((push_loaded_t){.log = named("cnews"),
                         .errand = channel.errand,
                         .tick = 20},
         &again);
    ada = node_come(&g, "ada", "d", "news", 1);
    ck_assert_str_eq(fixture_flush(&g, &ada), "!normal:3 1=u");
    load((push_loaded_t){.log = named("cnews"),
                         .since = 20,
                         .tick = 30,
                         .marks = &more,
                         .marks_count = 1},
         &again);
    node_say(&g, "cnews", 31, "c");
    ck_assert_str_eq(fixture_flush(&g, &ada), "!normal:5 2=c");
}
END_TEST

START_TEST(a_mark_that_was_told_before_is_not_told_again)
{
    push_dropped_t mark = {.tick = 11,
                           .lane = PUSH_NORMAL,
                           .count = 3,
                           .until = g.now.mono + 60000};
    push_stream_ref_t ada;
    bool again;

    node_follow(&g, "cnews", 10);
    node_follow(&g, "uada", 10);
    ada = node_come(&g, "ada", "d", "news", 1);
    for (uint64_t since = 10; since < 40; since += 10) {
        load((push_loaded_t){.log = named("cnews"),
                             .since = since,
                             .tick = since + 10,
                             .marks = &mark,
                             .marks_count = 1},
             &again);
    }
    node_say(&g, "cnews", 51, "c");
    ck_assert_str_eq(fixture_flush(&g, &ada), "!normal:3 1=c");
}
END_TEST

/* ---- leaving ---- */

static push_follow_t leave(const char *log, push_status_t expected)
{
    push_follow_t follow;

    ck_assert_int_eq(push_follow_leave(&g.store, named(log), &follow),
                     expected);
    return follow;
}

START_TEST(a_log_is_left_when_nobody_here_needs_it)
{
    push_stream_ref_t ada;
    push_follow_t follow;
    push_follow_view_t view;

    node_follow(&g, "uada", 10);
    node_follow(&g, "cnews", 10);
    ada = node_come(&g, "ada", "d", "news", 1);
    leave("uada", PUSH_OVER);
    leave("cnews", PUSH_OVER);
    leave("b", PUSH_OVER);
    push_store_checkout(&g.store, &ada, &g.now);
    leave("uada", PUSH_OVER);
    node_follow(&g, "ubob", 10);
    node_say(&g, "ubob", 11, "x");
    follow = leave("ubob", PUSH_OK);
    ck_assert(follow.mine);
    ck_assert_int_eq(start("ubob").state, PUSH_FOLLOW_LEAVING);
    ck_assert(!start("ubob").mine);
    ck_assert_int_eq(push_follow_left(&g.store, named("ubob"), follow.errand,
                                      true),
                     PUSH_OK);
    ck_assert_int_eq(push_follow_read(&g.store, named("ubob"), &view),
                     PUSH_NOT_FOUND);
    ck_assert_int_eq(node_say(&g, "ubob", 12, "x"), PUSH_APPLY_UNKNOWN);
}
END_TEST

START_TEST(what_came_while_a_log_could_not_be_left_is_loaded)
{
    push_follow_t follow;

    node_follow(&g, "ubob", 10);
    follow = leave("ubob", PUSH_OK);
    ck_assert_int_eq(node_say(&g, "ubob", 11, "x"), PUSH_APPLY_LATER);
    ck_assert_int_eq(push_follow_left(&g.store, named("ubob"), follow.errand,
                                      false),
                     PUSH_OK);
    ck_assert(look("ubob").behind);
    follow = start("ubob");
    ck_assert(follow.mine);
    ck_assert_uint_eq(follow.since, 10);
}
END_TEST

/* Neither user nor channel goes by the sweep while the log is followed. */
START_TEST(a_sweep_leaves_what_is_followed_alone)
{
    push_time_t later = g.now;

    node_follow(&g, "uada", 10);
    node_follow(&g, "cnews", 10);
    later.mono += 4000000;
    later.wall += 4000000;
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        ck_assert(push_store_sweep(&g.store, i, &later));
    }
    ck_assert_int_eq(look("uada").state, PUSH_FOLLOW_LIVE);
    ck_assert_int_eq(look("cnews").state, PUSH_FOLLOW_LIVE);
}
END_TEST

START_TEST(a_channel_that_was_left_goes_by_the_sweep)
{
    push_name_t name = push_store_name(&g.store, named("news"));
    push_follow_t follow;

    node_follow(&g, "cnews", 10);
    node_say(&g, "cnews", 11, "x");
    follow = leave("cnews", PUSH_OK);
    push_follow_left(&g.store, named("cnews"), follow.errand, true);
    ck_assert(push_store_sweep(&g.store, name.shard, &g.now));
    ck_assert_ptr_null(push_store_channel(&g.store, &name, false));
}
END_TEST

/* ---- what a dead process began ---- */

static int begin_and_die(void *data)
{
    push_follow_t follow;
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());

    CHILD_NEEDS(seat > 0);
    push_store_sit(&g.store, (unsigned)seat);
    CHILD_NEEDS(push_follow_begin(&g.store, named(data), &follow) == PUSH_OK);
    CHILD_NEEDS(follow.mine);
    return 0;
}

START_TEST(what_a_process_began_that_died_is_found_and_begun_again)
{
    static char log[] = "uada";
    push_follow_walk_t walk = {.partition = push_log_partition(&g.store,
                                                               named(log)),
                               .what = PUSH_FOLLOW_UNATTENDED};
    push_follow_view_t views[50];
    unsigned count;
    push_follow_t follow;

    child_expect(child_start(begin_and_die, log));
    ck_assert(!start(log).mine);
    ck_assert(push_seat_reap(&g.store.seats));
    ck_assert_int_eq(push_follow_walk(&g.store, &walk, views, 50, &count),
                     PUSH_OK);
    ck_assert(walk.done);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(views[0].log_len, 4);
    ck_assert(!memcmp(views[0].log, "uada", 4));
    follow = start(log);
    ck_assert(follow.mine);
}
END_TEST

/* ---- check-ins ---- */

START_TEST(nobody_checks_in_where_the_logs_are_not_live)
{
    push_stream_ref_t stream_ref;
    push_follow_t follow;

    ck_assert_int_eq(node_checkin(&g, "ada", NULL, NULL, &stream_ref),
                     PUSH_NOT_FOUND);
    follow = start("uada");
    ck_assert_int_eq(node_checkin(&g, "ada", NULL, NULL, &stream_ref),
                     PUSH_NOT_FOUND);
    push_follow_fail(&g.store, named("uada"), follow.errand);
    node_follow(&g, "uada", 10);
    ck_assert_int_eq(node_checkin(&g, "ada", NULL, NULL, &stream_ref),
                     PUSH_NOT_FOUND);
    node_come(&g, "ada", "d", NULL, 1);
    ck_assert_int_eq(node_checkin(&g, "ada", NULL, NULL, &stream_ref),
                     PUSH_OK);
    ck_assert_int_eq(node_checkin(&g, "ada", "news", NULL, &stream_ref),
                     PUSH_NOT_FOUND);
    node_follow(&g, "cnews", 10);
    ck_assert_int_eq(node_checkin(&g, "ada", "news", NULL, &stream_ref),
                     PUSH_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("follow");
    TCase *tc = unit_case(suite, "follow", 30);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_log_is_loaded_in_the_order_of_its_ticks);
    tcase_add_test(tc, one_errand_at_a_time_loads_a_log);
    tcase_add_test(tc, an_errand_that_was_taken_over_changes_nothing);
    tcase_add_test(tc, what_comes_while_it_is_loaded_is_asked_for_again);
    tcase_add_test(tc, what_the_answer_has_already_is_not_asked_for_again);
    tcase_add_test(tc, entries_of_a_suspect_partition_are_noted_and_loaded);
    tcase_add_test(tc, a_resync_from_a_version_that_is_not_reached_is_refused);
    tcase_add_test(tc, a_resync_repeats_nothing_and_recalls_what_was_recalled);
    tcase_add_test(tc, what_a_whole_answer_does_not_have_has_ended);
    tcase_add_test(tc, pieces_of_an_answer_are_loaded_one_after_the_other);
    tcase_add_test(tc, a_long_log_is_loaded_to_its_end);
    tcase_add_test(tc, what_was_dropped_elsewhere_for_the_limit_is_told);
    tcase_add_test(tc, a_mark_that_was_told_before_is_not_told_again);
    tcase_add_test(tc, a_log_is_left_when_nobody_here_needs_it);
    tcase_add_test(tc, what_came_while_a_log_could_not_be_left_is_loaded);
    tcase_add_test(tc, a_sweep_leaves_what_is_followed_alone);
    tcase_add_test(tc, a_channel_that_was_left_goes_by_the_sweep);
    tcase_add_test(tc,
                   what_a_process_began_that_died_is_found_and_begun_again);
    tcase_add_test(tc, nobody_checks_in_where_the_logs_are_not_live);
    return unit_run(suite);
}
