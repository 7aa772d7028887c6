#include "core/channel.h"
#include "core_suite.h"
#include "core_world.h"

#include <stdio.h>
#include <string.h>

static world_t w;
static push_user_t *user;
static push_channel_t *channel;
static push_device_t *device;

static void begin(void)
{
    world_init(&w);
    user = world_user(&w);
    channel = world_channel(&w);
    device = world_device(&w, user, "d", &channel, 1);
    world_open(&w, device, NULL);
}

static void end(void)
{
    watched_heap_destroy(&w.memory);
}

static void cast(const char *text, push_urgency_t urgency)
{
    ck_assert_int_eq(world_cast(&w, channel, spec_urgent(text, urgency)),
                     PUSH_OK);
}

static void cast_numbers(int from, int to)
{
    char text[12];

    for (int i = from; i < to; i++) {
        snprintf(text, sizeof(text), "%d", i);
        cast(text, PUSH_NORMAL);
    }
}

START_TEST(one_message_is_stored_for_all_subscribers)
{
    push_device_t *second = world_device(&w, world_user(&w), "e", &channel, 1);
    uint32_t live;

    cast("first", PUSH_NORMAL);
    live = w.memory.live;
    cast("second", PUSH_NORMAL);
    ck_assert_uint_eq(w.memory.live, live + 1);
    ck_assert_uint_eq(w.receipt.recipients, 2);
    ck_assert_uint_eq(w.receipt.connected, 1);
    ck_assert_str_eq(world_flush(&w, device), "1=first 2=second");
    ck_assert_str_eq(world_flush(&w, second), "1=first 2=second");
    world_cleanup(&w);
    begin();
}
END_TEST

START_TEST(a_subscription_begins_now)
{
    push_device_t *late;

    cast("before", PUSH_NORMAL);
    late = world_device(&w, user, "late", &channel, 1);
    cast("after", PUSH_NORMAL);
    ck_assert_str_eq(world_flush(&w, late), "1=after");
}
END_TEST

START_TEST(a_channel_keeps_its_history_and_whoever_is_behind_is_told)
{
    w.history = 5;
    cast_numbers(0, 12);
    ck_assert_uint_eq(push_log_length(&channel->log), 5);
    ck_assert_str_eq(world_flush(&w, device),
                     "!normal:7 1=7 2=8 3=9 4=10 5=11");
    cast_numbers(12, 14);
    ck_assert_str_eq(world_flush(&w, device), "6=12 7=13");
}
END_TEST

START_TEST(the_oldest_goes_first_whatever_its_urgency)
{
    w.history = 2;
    cast("h", PUSH_HIGH);
    cast("v", PUSH_VERY_LOW);
    cast("n", PUSH_NORMAL);
    ck_assert_str_eq(world_flush(&w, device), "!high:1 1=n 2=v");
}
END_TEST

START_TEST(whoever_is_not_behind_is_told_nothing)
{
    w.history = 3;
    cast_numbers(0, 3);
    world_flush(&w, device);
    world_ack(&w, device, cursor(3));
    cast_numbers(3, 6);
    ck_assert_str_eq(world_flush(&w, device), "4=3 5=4 6=5");
}
END_TEST

START_TEST(what_was_in_flight_and_went_meanwhile_is_told_after_a_cut)
{
    w.history = 3;
    cast_numbers(0, 3);
    ck_assert_str_eq(world_flush(&w, device), "1=0 2=1 3=2");
    cast_numbers(3, 8);
    ck_assert_str_eq(world_flush(&w, device), "!normal:2 4=5 5=6 6=7");
    world_resume(&w, device, cursor(1));
    ck_assert_str_eq(world_flush(&w, device), "!normal:4 2=5 3=6 4=7");
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush(&w, device), "3=6 4=7");
}
END_TEST

START_TEST(what_was_in_flight_and_went_is_told_even_where_nothing_else_was)
{
    w.history = 2;
    cast_numbers(0, 2);
    ck_assert_str_eq(world_flush(&w, device), "1=0 2=1");
    cast_numbers(2, 4);
    ck_assert_str_eq(world_flush(&w, device), "3=2 4=3");
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "!normal:2 1=2 2=3");
}
END_TEST

static void expect_memory_gap(uint32_t count)
{
    push_urgency_t urgency;
    push_gap_t reason;
    uint32_t dropped;

    ck_assert(push_mailbox_gap(device, &reason, &urgency, &dropped));
    ck_assert_int_eq(reason, PUSH_GAP_MEMORY);
    ck_assert_uint_eq(dropped, count);
}

/* Before it was sent, or in flight. */
START_TEST(what_a_channel_does_not_keep_is_told_as_memory)
{
    push_pick_t pick;
    push_batch_t one = {.picks = &pick, .max = 1, .bytes = 1 << 20};

    w.history = 2;
    cast_numbers(0, 3);
    if (!_i) {
        push_mailbox_collect(w.heap, device, &w.now, &one);
        expect_memory_gap(1);
        return;
    }
    ck_assert_str_eq(world_flush(&w, device), "!normal:1 1=1 2=2");
    ck_assert_int_eq(world_ack(&w, device, cursor(1)), PUSH_OK);
    cast_numbers(3, 5);
    world_resume(&w, device, cursor(1));
    expect_memory_gap(1);
}
END_TEST

START_TEST(what_was_acknowledged_and_went_is_no_loss)
{
    w.history = 2;
    cast_numbers(0, 2);
    world_flush(&w, device);
    cast_numbers(2, 4);
    world_flush(&w, device);
    ck_assert_int_eq(world_ack(&w, device, cursor(4)), PUSH_OK);
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "");
}
END_TEST

START_TEST(the_end_of_a_ttl_is_no_gap)
{
    push_message_spec_t d = spec("brief");

    d.ttl = 1000;
    w.history = 2;
    ck_assert_int_eq(world_cast(&w, channel, d), PUSH_OK);
    ck_assert_int_eq(world_cast(&w, channel, d), PUSH_OK);
    world_pass(&w, 1000);
    cast_numbers(0, 2);
    ck_assert_str_eq(world_flush(&w, device), "1=0 2=1");
}
END_TEST

START_TEST(a_topic_collapses_in_a_channel)
{
    ck_assert_int_eq(world_cast(&w, channel, spec_topic("a", "t")), PUSH_OK);
    cast("b", PUSH_NORMAL);
    ck_assert_int_eq(world_cast(&w, channel, spec_topic("c", "t")), PUSH_OK);
    ck_assert_int_eq(world_cast(&w, w.broadcast, spec_topic("d", "t")),
                     PUSH_OK);
    ck_assert_str_eq(world_flush(&w, device), "1=b 2=c 3=d");
}
END_TEST

START_TEST(a_topic_collapses_also_where_the_newer_is_for_nobody)
{
    push_message_spec_t now = spec_topic("now", "t");

    now.ttl = 0;
    world_close(&w, device);
    ck_assert_int_eq(world_cast(&w, channel, spec_topic("old", "t")), PUSH_OK);
    ck_assert_int_eq(world_cast(&w, channel, now), PUSH_OK);
    ck_assert_str_eq(world_flush(&w, device), "");
}
END_TEST

START_TEST(what_was_replaced_takes_no_place_in_the_history)
{
    w.history = 3;
    cast("slow", PUSH_NORMAL);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(world_cast(&w, channel, spec_topic("t", "t")),
                         PUSH_OK);
    }
    ck_assert_str_eq(world_flush(&w, device), "1=slow 2=t");
    ck_assert_uint_le(push_log_length(&channel->log), 48);
}
END_TEST

START_TEST(what_has_expired_takes_no_place_in_the_history)
{
    push_message_spec_t d = spec("brief");

    d.ttl = 1000;
    w.history = 3;
    cast("slow", PUSH_NORMAL);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(world_cast(&w, channel, d), PUSH_OK);
        world_pass(&w, 1000);
        push_log_sweep(w.heap, &channel->log, false, &w.now);
    }
    cast("last", PUSH_NORMAL);
    ck_assert_str_eq(world_flush(&w, device), "1=slow 2=last");
}
END_TEST

START_TEST(the_slots_of_a_channel_are_bounded_whatever_has_ended)
{
    w.history = 2;
    cast("slow", PUSH_NORMAL);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(world_cast(&w, channel, spec_topic("t", "t")),
                         PUSH_OK);
        ck_assert_uint_le(push_log_length(&channel->log), 32);
    }
    ck_assert_ptr_nonnull(strstr(world_flush(&w, device), "!normal:"));
}
END_TEST

START_TEST(an_implicit_window_does_not_hold_a_channel_back)
{
    world_open_t open = {.implicit = true, .max_in_flight = 2};

    world_open(&w, device, &open);
    w.history = 4;
    for (int i = 0; i < 20; i += 2) {
        cast_numbers(i, i + 2);
        world_flush(&w, device);
    }
    ck_assert_uint_eq(push_log_length(&channel->log), 4);
    ck_assert_uint_eq(device->sent, 20);
    cast_numbers(20, 21);
    ck_assert_str_eq(world_flush(&w, device), "21=20");
}
END_TEST

START_TEST(channels_are_counted_over_the_wrap_of_their_positions)
{
    push_lane_t *lane = &channel->log.lanes[PUSH_NORMAL];
    push_subscription_t *subscription = &push_device_subscriptions(
        w.heap, device)[PUSH_SUBSCRIPTION_CHANNELS];

    lane->head = lane->tail = lane->evicted = UINT32_MAX - 3;
    subscription->cursor[PUSH_NORMAL] = subscription->reported[PUSH_NORMAL] =
        UINT32_MAX - 3;
    w.history = 3;
    cast_numbers(0, 10);
    ck_assert_str_eq(world_flush(&w, device), "!normal:7 1=7 2=8 3=9");
    world_resume(&w, device, cursor(1));
    ck_assert_str_eq(world_flush(&w, device), "2=8 3=9");
}
END_TEST

START_TEST(what_was_dropped_long_ago_does_not_return_with_the_wrap)
{
    push_lane_t *lane = &channel->log.lanes[PUSH_NORMAL];
    push_subscription_t *subscription = &push_device_subscriptions(
        w.heap, device)[PUSH_SUBSCRIPTION_CHANNELS];
    uint32_t at = 0;

    w.history = 2;
    cast_numbers(0, 3);
    world_flush(&w, device);
    /* Thrice around, in steps; the device follows, nothing is dropped. */
    for (int i = 0; i < 48; i++) {
        push_log_sweep(w.heap, &channel->log, true, &w.now);
        at = lane->tail + (1u << 28);
        world_ack(&w, device, cursor(device->sent));
        push_log_cleanup(w.heap, &channel->log);
        lane->head = lane->tail = at;
        subscription->cursor[PUSH_NORMAL] = at;
        cast_numbers(i, i + 1);
        push_log_trim(w.heap, &channel->log, PUSH_NORMAL);
        ck_assert_ptr_null(strchr(world_flush(&w, device), '!'));
    }
    cast_numbers(0, 5);
    world_flush(&w, device);
    ck_assert_int_eq(strncmp(w.text, "!normal:3 ", 10), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channel");
    TCase *tc = unit_case(suite, "channel", 20);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, one_message_is_stored_for_all_subscribers);
    tcase_add_test(tc, a_subscription_begins_now);
    tcase_add_test(tc,
                   a_channel_keeps_its_history_and_whoever_is_behind_is_told);
    tcase_add_test(tc, the_oldest_goes_first_whatever_its_urgency);
    tcase_add_test(tc, whoever_is_not_behind_is_told_nothing);
    tcase_add_test(tc,
                   what_was_in_flight_and_went_meanwhile_is_told_after_a_cut);
    tcase_add_test(
        tc, what_was_in_flight_and_went_is_told_even_where_nothing_else_was);
    tcase_add_loop_test(tc, what_a_channel_does_not_keep_is_told_as_memory, 0,
                        2);
    tcase_add_test(tc, what_was_acknowledged_and_went_is_no_loss);
    tcase_add_test(tc, the_end_of_a_ttl_is_no_gap);
    tcase_add_test(tc, a_topic_collapses_in_a_channel);
    tcase_add_test(tc, a_topic_collapses_also_where_the_newer_is_for_nobody);
    tcase_add_test(tc, what_was_replaced_takes_no_place_in_the_history);
    tcase_add_test(tc, what_has_expired_takes_no_place_in_the_history);
    tcase_add_test(tc, the_slots_of_a_channel_are_bounded_whatever_has_ended);
    tcase_add_test(tc, an_implicit_window_does_not_hold_a_channel_back);
    tcase_add_test(tc, channels_are_counted_over_the_wrap_of_their_positions);
    tcase_add_test(tc,
                   what_was_dropped_long_ago_does_not_return_with_the_wrap);
    return unit_run(suite);
}
