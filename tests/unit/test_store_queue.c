#include "store/ops/pressure.h"
#include "store/ops/view.h"
#include "core_suite.h"
#include "core_world.h"
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

/* Queues, which are users that lose nothing of what they accepted. */

#define QUEUE PUSH_QUEUE_PREFIX "trip"

static char kilobyte[1025];

static push_status_t say(const char *user, push_urgency_t urgency)
{
    memset(kilobyte, 'x', sizeof(kilobyte) - 1);
    return fixture_publish(&g, PUSH_LOG_USER, user, kilobyte, urgency);
}

static push_status_t put(int number)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", number);
    return fixture_publish(&g, PUSH_LOG_USER, QUEUE, text, PUSH_NORMAL);
}

/* ---- a full mailbox ---- */

START_TEST(a_queue_that_is_full_refuses_and_keeps_what_it_has)
{
    push_stream_ref_t stream_ref;

    g.store.limits.max_pending = 3;
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(put(i), PUSH_OK);
    }
    ck_assert_int_eq(put(4), PUSH_MAILBOX_FULL);
    stream_ref = open_stream(QUEUE, "d", NULL);
    ck_assert_int_eq(put(4), PUSH_MAILBOX_FULL);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=1 2=2 3=3");
    /* What is under way has left the mailbox. */
    for (int i = 4; i <= 6; i++) {
        ck_assert_int_eq(put(i), PUSH_OK);
    }
    ck_assert_int_eq(put(7), PUSH_MAILBOX_FULL);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "4=4 5=5 6=6");
    ck_assert_int_eq(fixture_ack(&g, QUEUE, &stream_ref, 6), PUSH_OK);
    ck_assert_int_eq(put(7), PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "7=7");
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_EVICTED), 0);
}
END_TEST

START_TEST(an_urgent_one_takes_no_place_in_a_queue)
{
    g.store.limits.max_pending = 1;
    ck_assert_int_eq(put(1), PUSH_OK);
    ck_assert_int_eq(say(QUEUE, PUSH_HIGH), PUSH_MAILBOX_FULL);
    open_stream(QUEUE, "d", NULL);
    ck_assert_int_eq(say(QUEUE, PUSH_HIGH), PUSH_MAILBOX_FULL);
    /* Its name alone makes a queue, and no other one that begins so. */
    ck_assert_int_eq(say("$trigger", PUSH_NORMAL), PUSH_OK);
    ck_assert_int_eq(say("$trigger", PUSH_NORMAL), PUSH_OK);
}
END_TEST

/* A queue is used for long: what is done takes no room of what waits. */
START_TEST(what_is_done_leaves_a_queue)
{
    push_stream_ref_t stream_ref = open_stream(QUEUE, "d", NULL);
    push_stats_view_t stats;
    uint64_t seq = 0;

    g.store.limits.max_pending = 10;
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(put(i), PUSH_OK);
        fixture_flush(&g, &stream_ref);
        ck_assert_int_eq(fixture_ack(&g, QUEUE, &stream_ref, ++seq), PUSH_OK);
    }
    push_view_stats(&g.store, &stats);
    ck_assert_uint_le(stats.messages, 11);
}
END_TEST

/* ---- a full memory ---- */

static uint32_t fill(void)
{
    uint32_t count = 0;

    g.store.limits.max_pending = 100000;
    while (say(QUEUE, PUSH_VERY_LOW) == PUSH_OK) {
        count++;
        fixture_pass(&g, 1);
        NEEDS(count < 40000, "memory never fills");
    }
    ck_assert_uint_gt(count, 1000);
    ck_assert(push_pressure_above(&g.store, 85));
    return count;
}

/* Others are refused, or make room among themselves. */
static void crowd(void)
{
    for (int i = 0; i < 300; i++) {
        fixture_pass(&g, 1);
        say("u", i % 2 ? PUSH_NORMAL : PUSH_LOW);
    }
}

static uint32_t drain(void)
{
    push_stream_ref_t stream_ref = open_stream(QUEUE, "d", NULL);
    uint32_t count = 0;

    do {
        fixture_flush(&g, &stream_ref);
        ck_assert_uint_eq(g.delivery.gaps_count, 0);
        count += g.delivery.count;
        ck_assert_int_eq(fixture_ack(&g, QUEUE, &stream_ref, count), PUSH_OK);
    } while (g.delivery.count);
    return count;
}

/* Row 0: nobody has taken it yet; 1: somebody had, and has left. */
START_TEST(a_full_memory_takes_nothing_from_a_queue)
{
    push_stream_ref_t stream_ref;
    uint32_t count;

    if (_i) {
        stream_ref = open_stream(QUEUE, "d", NULL);
        push_store_checkout(&g.store, &stream_ref, &g.now);
    }
    count = fill();
    crowd();
    ck_assert_uint_eq(drain(), count);
    /* And then there is room again, once that is looked for. */
    fixture_pass(&g, 10000);
    ck_assert_int_eq(say(QUEUE, PUSH_VERY_LOW), PUSH_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_queue");
    TCase *tc = unit_case(suite, "queue", 30);

    tcase_add_checked_fixture(tc, store_begin, store_end);
    tcase_add_test(tc, a_queue_that_is_full_refuses_and_keeps_what_it_has);
    tcase_add_test(tc, an_urgent_one_takes_no_place_in_a_queue);
    tcase_add_test(tc, what_is_done_leaves_a_queue);
    tc = unit_case(suite, "memory", 60);
    tcase_add_checked_fixture(tc, store_begin_large, store_end);
    tcase_add_loop_test(tc, a_full_memory_takes_nothing_from_a_queue, 0, 2);
    return unit_run(suite);
}
