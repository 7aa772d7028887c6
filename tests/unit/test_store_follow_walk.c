#include "core_suite.h"
#include "store/ops/follow_walk.h"
#include "store/ops/unfollow.h"
#include "store_cluster.h"

#include <stdio.h>

/* The logs that a node follows are found, and how each stands. */

static fixture_t g;

static void begin(void)
{
    node_init(&g, (size_t)4 << 20);
}

static void end(void)
{
    fixture_cleanup(&g);
}

static unsigned walk_all(unsigned what, unsigned room, unsigned *wrong)
{
    push_follow_view_t views[64];
    unsigned total = 0;

    for (unsigned p = 0; p < 1024; p++) {
        push_follow_walk_t walk = {.partition = p, .what = what};

        while (!walk.done) {
            unsigned count;

            ck_assert_int_eq(push_follow_walk(&g.store, &walk, views, room,
                                              &count),
                             PUSH_OK);
            ck_assert(count || walk.done);
            for (unsigned i = 0; i < count; i++) {
                push_text_t log = {views[i].log, views[i].log_len};

                *wrong += push_log_partition(&g.store, log) != p;
            }
            total += count;
        }
    }
    return total;
}

START_TEST(a_walk_finds_each_log_of_a_partition_once)
{
    unsigned wrong = 0;
    char log[32];

    for (int i = 0; i < 2000; i++) {
        snprintf(log, sizeof(log), "%cname%d", i % 2 ? 'u' : 'c', i);
        node_follow(&g, log, 10);
    }
    ck_assert_uint_eq(walk_all(0, 50, &wrong), 2001);
    ck_assert_uint_eq(walk_all(PUSH_FOLLOW_IDLE, 64, &wrong), 2000);
    ck_assert_uint_eq(walk_all(PUSH_FOLLOW_UNATTENDED, 64, &wrong), 0);
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

static push_follow_view_t look(const char *log)
{
    push_follow_view_t view;

    ck_assert_int_eq(push_follow_read(&g.store, named(log), &view), PUSH_OK);
    return view;
}

/* As by a claim that failed. */
START_TEST(a_log_whose_loading_failed_is_left_like_one_that_nobody_needs)
{
    push_follow_t follow;

    ck_assert_int_eq(push_follow_begin(&g.store, named("uanna"), &follow),
                     PUSH_OK);
    ck_assert(follow.mine);
    ck_assert(!look("uanna").idle);
    push_follow_fail(&g.store, named("uanna"), follow.errand);
    ck_assert(look("uanna").idle);
    ck_assert_int_eq(push_follow_leave(&g.store, named("uanna"), &follow),
                     PUSH_OK);
    ck_assert(follow.mine);
    ck_assert(!look("uanna").idle);
    push_follow_left(&g.store, named("uanna"), follow.errand, true);
    ck_assert_int_eq(push_follow_leave(&g.store, named("uanna"), &follow),
                     PUSH_NOT_FOUND);
}
END_TEST

START_TEST(a_view_says_how_many_devices_of_this_node_follow)
{
    push_stream_ref_t ada;

    node_follow(&g, "uada", 10);
    node_follow(&g, "cnews", 10);
    ada = node_come(&g, "ada", "d", "news", 1);
    node_come(&g, "ada", "e", NULL, 1);
    push_store_checkout(&g.store, &ada, &g.now);
    ck_assert_uint_eq(look("uada").subscribers, 2);
    ck_assert_uint_eq(look("uada").connected, 1);
    ck_assert_uint_eq(look("cnews").subscribers, 1);
    ck_assert_uint_eq(look("cnews").connected, 0);
    ck_assert_uint_eq(look("b").subscribers, 2);
    ck_assert(!look("cnews").idle);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("follow_walk");
    TCase *tc = unit_case(suite, "follow_walk", 30);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_walk_finds_each_log_of_a_partition_once);
    tcase_add_test(
        tc, a_log_whose_loading_failed_is_left_like_one_that_nobody_needs);
    tcase_add_test(tc, a_view_says_how_many_devices_of_this_node_follow);
    return unit_run(suite);
}
