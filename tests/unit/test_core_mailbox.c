#include "core/mailbox.h"
#include "core/message_texts.h"
#include "core_suite.h"
#include "core_fixture.h"

#include <stdio.h>

static void say_urgent(const char *text, push_urgency_t urgency)
{
    ck_assert_int_eq(world_publish(&w, user, spec_urgent(text, urgency)),
                     PUSH_OK);
}

/* ---- order ---- */

START_TEST(the_urgent_go_first_and_then_in_publish_order_over_all_audiences)
{
    say_urgent("u1", PUSH_LOW);
    cast(channels[0], "c2", PUSH_NORMAL);
    cast(w.broadcast, "b3", PUSH_VERY_LOW);
    cast(channels[1], "c4", PUSH_NORMAL);
    say_urgent("u5", PUSH_NORMAL);
    cast(w.broadcast, "b6", PUSH_HIGH);
    cast(channels[0], "c7", PUSH_HIGH);
    say_urgent("u8", PUSH_HIGH);
    cast(channels[1], "c9", PUSH_LOW);
    ck_assert_uint_eq(world_pending(&w, device), 9);
    ck_assert_str_eq(world_flush(&w, device),
                     "1=b6 2=c7 3=u8 4=c2 5=c4 6=u5 7=u1 8=c9 9=b3");
    ck_assert_uint_eq(world_pending(&w, device), 0);
    world_cleanup(&w);
    world_begin_following();
}
END_TEST

START_TEST(an_urgent_message_overtakes_what_was_not_yet_taken)
{
    say_urgent("n1", PUSH_NORMAL);
    say_urgent("n2", PUSH_NORMAL);
    ck_assert_str_eq(world_flush_some(&w, device, 1), "1=n1");
    say_urgent("h3", PUSH_HIGH);
    ck_assert_str_eq(world_flush(&w, device), "2=h3 3=n2");
}
END_TEST

START_TEST(what_is_below_the_wanted_urgency_stays_in_the_mailbox)
{
    world_open_t open = {.lowest = PUSH_NORMAL};

    say_urgent("low", PUSH_LOW);
    say_urgent("normal", PUSH_NORMAL);
    world_open(&w, device, &open);
    ck_assert_str_eq(world_flush(&w, device), "1=normal");
    ck_assert_uint_eq(world_pending(&w, device), 1);
    world_open(&w, device, NULL);
    ck_assert_str_eq(world_flush(&w, device), "1=normal 2=low");
}
END_TEST

START_TEST(a_batch_ends_at_its_bytes_but_holds_at_least_one_message)
{
    push_pick_t picks[8];
    push_batch_t batch = {.picks = picks, .max = 8, .bytes = 1};

    say_urgent("one", PUSH_NORMAL);
    say_urgent("two", PUSH_NORMAL);
    say_urgent("three", PUSH_NORMAL);
    push_mailbox_collect(w.heap, device, &w.now, &batch);
    ck_assert_uint_eq(batch.count, 1);
    batch = (push_batch_t){.picks = picks, .max = 8};
    batch.bytes = push_message_size(picks[0].message) * 2;
    push_mailbox_collect(w.heap, device, &w.now, &batch);
    ck_assert_uint_eq(batch.count, 1);
    ck_assert_str_eq(world_flush(&w, device), "3=three");
}
END_TEST

/* ---- the window ---- */

START_TEST(a_batch_says_whether_it_was_full_before_the_mailbox_was_empty)
{
    push_pick_t picks[4];
    push_batch_t batch = {.picks = picks, .max = 2, .bytes = 1 << 20};

    world_say(&w, user, "a");
    world_say(&w, user, "b");
    world_say(&w, user, "c");
    push_mailbox_collect(w.heap, device, &w.now, &batch);
    ck_assert(batch.more);
    push_mailbox_collect(w.heap, device, &w.now, &batch);
    ck_assert_uint_eq(batch.count, 1);
    ck_assert(!batch.more);
    push_mailbox_collect(w.heap, device, &w.now, &batch);
    ck_assert(!batch.more);
    world_say(&w, user, "d");
    world_say(&w, user, "e");
    batch.bytes = 1;
    push_mailbox_collect(w.heap, device, &w.now, &batch);
    ck_assert(batch.more);
}
END_TEST

START_TEST(an_explicit_window_stops_until_an_acknowledgement_comes)
{
    world_open_t open = {.max_in_flight = 3};
    char text[16];

    world_open(&w, device, &open);
    for (int i = 1; i <= 7; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        say_urgent(text, PUSH_NORMAL);
    }
    ck_assert_str_eq(world_flush(&w, device), "1=m1 2=m2 3=m3");
    ck_assert_str_eq(world_flush(&w, device), "");
    ck_assert_int_eq(world_ack(&w, device, cursor(2)), PUSH_OK);
    ck_assert_str_eq(world_flush(&w, device), "4=m4 5=m5");
    ck_assert_int_eq(world_ack(&w, device, cursor(5)), PUSH_OK);
    ck_assert_str_eq(world_flush(&w, device), "6=m6 7=m7");
}
END_TEST

/* ---- lifetimes ---- */

START_TEST(a_message_is_sent_until_its_last_millisecond)
{
    push_message_spec_t d = spec("brief");

    d.ttl = 5000;
    world_publish(&w, user, d);
    world_publish(&w, user, d);
    world_pass(&w, 4999);
    ck_assert_str_eq(world_flush_some(&w, device, 1), "1=brief");
    ck_assert_uint_eq(world_pending(&w, device), 1);
    world_pass(&w, 1);
    ck_assert_uint_eq(world_pending(&w, device), 0);
    ck_assert_str_eq(world_flush(&w, device), "");
}
END_TEST

START_TEST(a_clock_set_by_a_day_does_not_end_what_was_granted)
{
    push_message_spec_t d = spec("stays");

    d.ttl = 5000;
    world_publish(&w, user, d);
    w.now.wall += 86400000;
    ck_assert_uint_eq(world_pending(&w, device), 1);
    w.now.wall -= 2 * 86400000;
    ck_assert_str_eq(world_flush(&w, device), "1=stays");
}
END_TEST

START_TEST(ttl_0_reaches_the_streams_that_are_open_and_no_other)
{
    push_device_t *away = world_device(&w, user, "away", NULL, 0);
    push_message_spec_t d = spec("now");

    d.ttl = 0;
    ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
    ck_assert_uint_eq(w.receipt.recipients, 1);
    ck_assert_uint_eq(w.receipt.connected, 1);
    ck_assert_uint_eq(world_pending(&w, away), 0);
    world_open(&w, away, NULL);
    ck_assert_str_eq(world_flush(&w, away), "");
    ck_assert_str_eq(world_flush(&w, device), "1=now");
}
END_TEST

START_TEST(ttl_0_is_not_kept_for_a_stream_that_reopens)
{
    push_message_spec_t d = spec("now");

    d.ttl = 0;
    ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
    world_close(&w, device);
    ck_assert_uint_eq(world_pending(&w, device), 0);
    world_open(&w, device, NULL);
    ck_assert_str_eq(world_flush(&w, device), "");
}
END_TEST

START_TEST(ttl_0_with_no_stream_open_reaches_nobody)
{
    push_message_spec_t d = spec("now");
    uint32_t live;

    world_close(&w, device);
    live = w.memory.live;
    d.ttl = 0;
    ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
    ck_assert_uint_eq(w.receipt.recipients, 0);
    ck_assert_int_eq(world_cast(&w, channels[0], d), PUSH_OK);
    ck_assert_uint_eq(w.receipt.recipients, 0);
    world_open(&w, device, NULL);
    ck_assert_str_eq(world_flush(&w, device), "");
    ck_assert_uint_le(w.memory.live, live + 1);
}
END_TEST

START_TEST(a_message_for_one_device_is_for_no_other)
{
    push_device_t *other = world_device(&w, user, "dd", NULL, 0);
    push_message_spec_t d = spec("mine");

    d.device = words("d");
    ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
    ck_assert_uint_eq(w.receipt.recipients, 1);
    world_open(&w, other, NULL);
    ck_assert_str_eq(world_flush(&w, other), "");
    ck_assert_str_eq(world_flush(&w, device), "1=mine");
}
END_TEST

/* ---- a full mailbox ---- */

START_TEST(a_full_mailbox_drops_the_oldest_of_the_lowest_urgency)
{
    w.limit = 4;
    say_urgent("n1", PUSH_NORMAL);
    say_urgent("v2", PUSH_VERY_LOW);
    say_urgent("v3", PUSH_VERY_LOW);
    say_urgent("l4", PUSH_LOW);
    say_urgent("n5", PUSH_NORMAL);
    say_urgent("n6", PUSH_NORMAL);
    say_urgent("h7", PUSH_HIGH);
    say_urgent("h8", PUSH_HIGH);
    ck_assert_uint_eq(world_pending(&w, device), 4);
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 !low:1 !very-low:2 "
                                              "1=h7 2=h8 3=n5 4=n6");
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_EVICTED), 4);
}
END_TEST

START_TEST(a_message_may_displace_one_of_its_own_urgency)
{
    w.limit = 2;
    say_urgent("a", PUSH_HIGH);
    say_urgent("b", PUSH_HIGH);
    say_urgent("c", PUSH_HIGH);
    ck_assert_str_eq(world_flush(&w, device), "!high:1 1=b 2=c");
}
END_TEST

START_TEST(where_all_that_waits_is_more_urgent_the_only_recipient_refuses)
{
    w.limit = 2;
    say_urgent("a", PUSH_NORMAL);
    say_urgent("b", PUSH_NORMAL);
    ck_assert_int_eq(world_publish(&w, user, spec_urgent("c", PUSH_LOW)),
                     PUSH_MAILBOX_FULL);
    ck_assert_uint_eq(w.receipt.refused, 1);
    ck_assert_uint_eq(w.receipt.recipients, 0);
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b");
}
END_TEST

START_TEST(one_of_two_that_refuses_is_counted_and_the_other_receives)
{
    push_device_t *other = world_device(&w, user, "o", NULL, 0);

    w.limit = 2;
    world_open(&w, other, NULL);
    say_urgent("a", PUSH_NORMAL);
    say_urgent("b", PUSH_NORMAL);
    world_flush(&w, other);
    ck_assert_int_eq(world_publish(&w, user, spec_urgent("c", PUSH_LOW)),
                     PUSH_OK);
    ck_assert_uint_eq(w.receipt.refused, 1);
    ck_assert_uint_eq(w.receipt.recipients, 1);
    ck_assert_str_eq(world_flush(&w, other), "3=c");
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b");
    ck_assert_int_eq(world_fate(&w, device, w.receipt.mid), PUSH_REFUSED);
}
END_TEST

START_TEST(
    what_is_stored_already_is_lost_to_a_full_mailbox_and_kept_for_others)
{
    push_device_t *late;
    uint64_t mid;

    w.limit = 2;
    say_urgent("a", PUSH_NORMAL);
    say_urgent("b", PUSH_NORMAL);
    w.stored = true;
    ck_assert_int_eq(world_publish(&w, user, spec_urgent("c", PUSH_LOW)),
                     PUSH_OK);
    mid = w.receipt.mid;
    ck_assert_uint_eq(w.receipt.refused, 1);
    ck_assert_uint_eq(w.receipt.recipients, 0);
    ck_assert_int_eq(world_fate(&w, device, mid), PUSH_REFUSED);
    ck_assert_str_eq(world_flush(&w, device), "!low:1 1=a 2=b");
    ck_assert_int_eq(world_ack(&w, device, cursor(2)), PUSH_OK);
    say_urgent("d", PUSH_LOW);
    ck_assert_str_eq(world_flush(&w, device), "3=d");
    w.limit = 9;
    late = world_device(&w, user, "late", NULL, 0);
    world_open(&w, late, NULL);
    ck_assert_str_eq(world_flush(&w, late), "1=a 2=b 3=c 4=d");
}
END_TEST

START_TEST(what_is_stored_already_is_kept_for_a_user_without_devices)
{
    push_user_t *absent = world_user(&w);
    push_device_t *late;

    w.limit = 2;
    w.stored = true;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            world_publish(&w, absent, spec_urgent("h", PUSH_HIGH)), PUSH_OK);
    }
    ck_assert_int_eq(world_publish(&w, absent, spec("n")), PUSH_OK);
    late = world_device(&w, absent, "late", NULL, 0);
    world_open(&w, late, NULL);
    ck_assert_str_eq(world_flush(&w, late), "1=h 2=h 3=n");
}
END_TEST

START_TEST(what_is_in_flight_or_expired_takes_no_room)
{
    push_message_spec_t d = spec("brief");

    w.limit = 2;
    d.ttl = 1000;
    say_urgent("a", PUSH_NORMAL);
    say_urgent("b", PUSH_NORMAL);
    world_flush(&w, device);
    world_publish(&w, user, d);
    world_publish(&w, user, d);
    world_pass(&w, 1000);
    say_urgent("c", PUSH_LOW);
    say_urgent("d", PUSH_LOW);
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_EVICTED), 0);
    ck_assert_str_eq(world_flush(&w, device), "3=c 4=d");
}
END_TEST

START_TEST(channels_do_not_fill_a_mailbox)
{
    w.limit = 2;
    for (int i = 0; i < 5; i++) {
        cast(channels[0], "c", PUSH_HIGH);
    }
    say_urgent("a", PUSH_LOW);
    say_urgent("b", PUSH_LOW);
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_EVICTED), 0);
    ck_assert_uint_eq(world_pending(&w, device), 7);
}
END_TEST

/* ---- gaps ---- */

START_TEST(a_gap_is_told_once)
{
    w.limit = 1;
    world_say(&w, user, "a");
    world_say(&w, user, "b");
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=b");
    ck_assert_str_eq(world_flush(&w, device), "");
    ck_assert_int_eq(world_ack(&w, device, cursor(1)), PUSH_OK);
    world_resume(&w, device, cursor(1));
    world_say(&w, user, "c");
    ck_assert_str_eq(world_flush(&w, device), "2=c");
}
END_TEST

START_TEST(a_gap_names_the_mailbox_where_that_was_full)
{
    push_urgency_t urgency;
    push_gap_t reason;
    uint32_t dropped;

    w.limit = 1;
    world_say(&w, user, "a");
    world_say(&w, user, "b");
    ck_assert(push_mailbox_gap(device, &reason, &urgency, &dropped));
    ck_assert_int_eq(reason, PUSH_GAP_MAILBOX);
    ck_assert_int_eq(urgency, PUSH_NORMAL);
    ck_assert_uint_eq(dropped, 1);
}
END_TEST

START_TEST(a_gap_is_told_again_when_the_stream_was_cut_before_it_arrived)
{
    w.limit = 1;
    world_say(&w, user, "a");
    world_say(&w, user, "b");
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=b");
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=b");
    world_resume(&w, device, cursor(1));
    ck_assert_str_eq(world_flush(&w, device), "");
}
END_TEST

START_TEST(a_gap_with_no_message_behind_it_is_told_again_after_a_cut)
{
    w.limit = 1;
    world_say(&w, user, "a");
    world_publish(&w, user, spec_urgent("b", PUSH_HIGH));
    device->lowest = PUSH_HIGH;
    world_ack(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=b");
    world_ack(&w, device, cursor(1));
    world_say(&w, user, "c");
    world_say(&w, user, "d");
    ck_assert_str_eq(world_flush(&w, device), "!normal:1");
    world_resume(&w, device, cursor(1));
    ck_assert_str_eq(world_flush(&w, device), "!normal:1");
}
END_TEST

START_TEST(what_could_not_be_written_takes_the_gap_before_it_back)
{
    w.limit = 1;
    world_say(&w, user, "a");
    world_say(&w, user, "b");
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=b");
    push_session_return(w.heap, device, 0);
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=b");
}
END_TEST

START_TEST(what_memory_took_is_told_by_urgency)
{
    uint64_t evicted[2];
    push_entry_t entry;

    evicted[0] = world_say(&w, user, "a");
    say_urgent("b", PUSH_LOW);
    evicted[1] = w.receipt.mid;
    world_say(&w, user, "c");
    for (int i = 0; i < 2; i++) {
        ck_assert(push_log_find(w.heap, &user->log, evicted[i], &entry));
        push_log_end(w.heap, &user->log, entry.message, PUSH_EVICTED, &w.now);
        push_log_remove(w.heap, &user->log, entry.lane, entry.at,
                        PUSH_SLOT_EVICTED);
    }
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 !low:1 1=c");
    ck_assert_str_eq(world_flush(&w, device), "");
}
END_TEST

START_TEST(what_was_displaced_does_not_come_back_with_what_was_returned)
{
    w.limit = 2;
    world_say(&w, user, "a");
    world_say(&w, user, "b");
    ck_assert_str_eq(world_flush_some(&w, device, 1), "1=a");
    world_say(&w, user, "c");
    world_say(&w, user, "d");
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=a 2=c 3=d");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mailbox");
    TCase *tc = unit_case(suite, "order and window", 20);
    TCase *life = unit_case(suite, "lifetimes", 20);
    TCase *full = unit_case(suite, "full, and gaps", 20);

    tcase_add_checked_fixture(tc, world_begin_following, world_end);
    tcase_add_checked_fixture(life, world_begin_following, world_end);
    tcase_add_checked_fixture(full, world_begin_following, world_end);
    tcase_add_test(
        tc, the_urgent_go_first_and_then_in_publish_order_over_all_audiences);
    tcase_add_test(tc, an_urgent_message_overtakes_what_was_not_yet_taken);
    tcase_add_test(tc, what_is_below_the_wanted_urgency_stays_in_the_mailbox);
    tcase_add_test(tc,
                   a_batch_ends_at_its_bytes_but_holds_at_least_one_message);
    tcase_add_test(
        tc, a_batch_says_whether_it_was_full_before_the_mailbox_was_empty);
    tcase_add_test(tc,
                   an_explicit_window_stops_until_an_acknowledgement_comes);
    tcase_add_test(life, a_message_is_sent_until_its_last_millisecond);
    tcase_add_test(life, a_clock_set_by_a_day_does_not_end_what_was_granted);
    tcase_add_test(life, ttl_0_reaches_the_streams_that_are_open_and_no_other);
    tcase_add_test(life, ttl_0_is_not_kept_for_a_stream_that_reopens);
    tcase_add_test(life, ttl_0_with_no_stream_open_reaches_nobody);
    tcase_add_test(life, a_message_for_one_device_is_for_no_other);
    tcase_add_test(full,
                   a_full_mailbox_drops_the_oldest_of_the_lowest_urgency);
    tcase_add_test(full, a_message_may_displace_one_of_its_own_urgency);
    tcase_add_test(
        full, where_all_that_waits_is_more_urgent_the_only_recipient_refuses);
    tcase_add_test(full,
                   one_of_two_that_refuses_is_counted_and_the_other_receives);
    tcase_add_test(
        full,
        what_is_stored_already_is_lost_to_a_full_mailbox_and_kept_for_others);
    tcase_add_test(full,
                   what_is_stored_already_is_kept_for_a_user_without_devices);
    tcase_add_test(full, what_is_in_flight_or_expired_takes_no_room);
    tcase_add_test(full, channels_do_not_fill_a_mailbox);
    tcase_add_test(full, a_gap_is_told_once);
    tcase_add_test(full, a_gap_names_the_mailbox_where_that_was_full);
    tcase_add_test(
        full, a_gap_is_told_again_when_the_stream_was_cut_before_it_arrived);
    tcase_add_test(full,
                   a_gap_with_no_message_behind_it_is_told_again_after_a_cut);
    tcase_add_test(full,
                   what_could_not_be_written_takes_the_gap_before_it_back);
    tcase_add_test(full, what_memory_took_is_told_by_urgency);
    tcase_add_test(
        full, what_was_displaced_does_not_come_back_with_what_was_returned);
    return unit_run(suite);
}
