#include "core/mailbox.h"
#include "core_suite.h"
#include "core_fixture.h"

#include <stdio.h>

/* The window of a client that does not acknowledge. */

START_TEST(an_implicit_window_slides_and_the_oldest_counts_as_acknowledged)
{
    world_open_t open = {.implicit = true, .max_in_flight = 3};
    uint64_t mids[8];

    world_open(&w, device, &open);
    for (int i = 0; i < 8; i++) {
        char text[2] = {(char)('a' + i), '\0'};

        mids[i] = world_say(&w, user, text);
        world_flush(&w, device);
    }
    ck_assert_uint_eq(device->sent, 8);
    ck_assert_uint_eq(device->acked, 2);
    ck_assert_int_eq(world_fate(&w, device, mids[1]), PUSH_ACKED);
    ck_assert_int_eq(world_fate(&w, device, mids[2]), PUSH_IN_FLIGHT);
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush(&w, device), "3=c 4=d 5=e");
}
END_TEST

/* An implicit stream of max_in_flight 2 that was sent count messages. */
static void slide_over(int count)
{
    world_open_t open = {.implicit = true, .max_in_flight = 2};

    world_open(&w, device, &open);
    for (int i = 0; i < count; i++) {
        char text[16];

        snprintf(text, sizeof(text), "m%d", i + 1);
        world_say(&w, user, text);
        world_flush(&w, device);
    }
}

START_TEST(a_resume_below_an_implicit_window_is_told_what_is_missing)
{
    slide_over(9);
    ck_assert_uint_eq(device->acked, 5);
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush_some(&w, device, 1), "!normal:3 3=m6");
    /* It did not arrive: it is told again, and what is sent comes again. */
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush(&w, device), "!normal:3 3=m6 4=m7");
    ck_assert_int_eq(world_ack(&w, device, cursor(4)), PUSH_OK);
    world_resume(&w, device, cursor(4));
    ck_assert_str_eq(world_flush(&w, device), "5=m8 6=m9");
}
END_TEST

START_TEST(a_client_that_shows_no_cursor_is_told_all_that_slid_out)
{
    slide_over(9);
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "!normal:5 1=m6 2=m7");
}
END_TEST

START_TEST(what_an_implicit_client_acknowledges_is_not_told_as_missing)
{
    slide_over(9);
    ck_assert_int_eq(world_ack(&w, device, cursor(4)), PUSH_OK);
    ck_assert_uint_eq(device->acked, 5);
    world_resume(&w, device, cursor(1));
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 2=m6 3=m7");
    world_resume(&w, device, cursor(3));
    ck_assert_str_eq(world_flush(&w, device), "4=m8 5=m9");
}
END_TEST

START_TEST(a_gap_that_slid_out_with_its_message_is_told_again)
{
    device->losses.count[PUSH_GAP_MEMORY][PUSH_HIGH] = 7;
    slide_over(4);
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "!high:7 1=m1 2=m2");
    slide_over(5);
    ck_assert_uint_eq(device->sent, 9);
    ck_assert_uint_eq(device->acked, 5);
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "!normal:12 1=m2 2=m3");
}
END_TEST

START_TEST(an_implicit_window_waits_for_what_has_not_arrived)
{
    world_open_t open = {.implicit = true, .max_in_flight = 2};

    world_open(&w, device, &open);
    for (int i = 0; i < 20; i++) {
        world_say(&w, user, "x");
    }
    w.written = 100;
    ck_assert_str_eq(world_flush(&w, device), "1=x 2=x");
    w.written = 200; /* the mark is set: seq 2 arrives with this byte */
    ck_assert_str_eq(world_flush(&w, device), "3=x 4=x");
    ck_assert(!w.full);
    w.written = 300;
    w.arrived = 199;
    ck_assert_str_eq(world_flush(&w, device), "");
    ck_assert(w.full);
    ck_assert_uint_eq(device->acked, 0);
    w.arrived = 200;
    ck_assert_str_eq(world_flush(&w, device), "5=x 6=x");
    ck_assert_uint_eq(device->acked, 2);
    w.written = 400; /* the next mark was set with seq 4 at byte 300 */
    w.arrived = 299;
    ck_assert_str_eq(world_flush(&w, device), "");
    w.arrived = 400; /* beyond the mark: all that is in flight has arrived */
    ck_assert_str_eq(world_flush(&w, device), "7=x 8=x");
    w.written = 500;
    ck_assert_str_eq(world_flush(&w, device), "9=x 10=x");
    ck_assert_str_eq(world_flush(&w, device), "");
    ck_assert(w.full);
}
END_TEST

START_TEST(an_acknowledgement_makes_way_in_an_implicit_window)
{
    world_open_t open = {.implicit = true, .max_in_flight = 2};

    world_open(&w, device, &open);
    w.written = 100;
    for (int i = 0; i < 6; i++) {
        world_say(&w, user, "x");
        world_flush(&w, device);
    }
    ck_assert_uint_eq(device->sent, 4);
    ck_assert_int_eq(world_ack(&w, device, cursor(1)), PUSH_OK);
    ck_assert_str_eq(world_flush(&w, device), "5=x");
    ck_assert_int_eq(world_ack(&w, device, cursor(5)), PUSH_OK);
    ck_assert_str_eq(world_flush(&w, device), "6=x");
}
END_TEST

START_TEST(an_implicit_batch_is_no_longer_than_its_window)
{
    world_open_t open = {.implicit = true, .max_in_flight = 2};

    world_open(&w, device, &open);
    for (int i = 0; i < 5; i++) {
        world_say(&w, user, "x");
    }
    ck_assert_str_eq(world_flush(&w, device), "1=x 2=x");
    ck_assert_str_eq(world_flush(&w, device), "3=x 4=x");
    ck_assert_uint_eq(device->acked, 0);
    ck_assert_str_eq(world_flush(&w, device), "5=x");
    ck_assert_uint_eq(device->acked, 1);
}
END_TEST

START_TEST(an_implicit_window_that_can_hold_no_more_runs_slides)
{
    const world_open_t open = {.implicit = true, .max_in_flight = 65536};
    const int count = (int)PUSH_RUNS_MAX + 1000;

    world_open(&w, device, &open);
    w.written = 1;
    w.arrived = 1;
    for (int i = 0; i < count; i++) {
        cast(channels[i % 2], "x", PUSH_NORMAL);
        world_flush(&w, device);
    }
    ck_assert_uint_eq(device->sent, (uint64_t)count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("implicit");
    TCase *tc = unit_case(suite, "implicit", 20);

    tcase_add_checked_fixture(tc, world_begin_following, world_end);
    tcase_add_test(
        tc, an_implicit_window_slides_and_the_oldest_counts_as_acknowledged);
    tcase_add_test(tc,
                   a_resume_below_an_implicit_window_is_told_what_is_missing);
    tcase_add_test(tc,
                   a_client_that_shows_no_cursor_is_told_all_that_slid_out);
    tcase_add_test(
        tc, what_an_implicit_client_acknowledges_is_not_told_as_missing);
    tcase_add_test(tc, a_gap_that_slid_out_with_its_message_is_told_again);
    tcase_add_test(tc, an_implicit_window_waits_for_what_has_not_arrived);
    tcase_add_test(tc, an_acknowledgement_makes_way_in_an_implicit_window);
    tcase_add_test(tc, an_implicit_batch_is_no_longer_than_its_window);
    tcase_add_test(tc, an_implicit_window_that_can_hold_no_more_runs_slides);
    return unit_run(suite);
}
