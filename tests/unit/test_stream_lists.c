#include "core_suite.h"
#include "stream/loop/beat.h"
#include "stream/loop/followers.h"
#include "stream/loop/map.h"
#include "stream/loop/batching.h"
#include "stream/loop/queue.h"

#include <stdlib.h>
#include <string.h>

/* The lists of one reactor: maps, followers, streams, heartbeats. */

START_TEST(a_map_holds_what_a_plain_array_holds)
{
    static uint32_t values[4000];
    dice_t d = dice((uint64_t)_i);
    uint32_t count = 0;
    push_map_t map;

    memset(values, 0, sizeof(values));
    ck_assert(push_map_init(&map));
    for (int step = 0; step < 30000; step++) {
        uint32_t key = 1 + dice_below(&d, _i % 2 ? 3999 : 90);
        /* Keys that collide in the low bits, as references do. */
        uint32_t spread = key * (_i % 3 ? 1u : 4096u);

        if (dice_below(&d, 5) < 3) {
            count += !values[key];
            values[key] = 1 + dice_below(&d, 1000);
            NEEDS(push_map_put(&map, spread, values[key]), "no memory");
        }
        else {
            count -= values[key] != 0;
            values[key] = 0;
            push_map_remove(&map, spread);
        }
        NEEDS(map.count == count, "%u entries, not %u", map.count, count);
        key = 1 + dice_below(&d, 3999);
        spread = key * (_i % 3 ? 1u : 4096u);
        NEEDS(push_map_get(&map, spread, 0) == values[key],
              "at step %d, %u is wrong", step, key);
    }
    push_map_cleanup(&map);
}
END_TEST

/* ---- the queue ---- */

/* Streams that end before their turn, whose entries are taken again at once:
 * each leaves an entry behind. */
START_TEST(the_queue_has_room_for_streams_that_come_and_go_before_their_turn)
{
    push_stream_table_t few = {0};
    push_queue_t queue = {0};
    uint32_t steady;

    /* A reactor looks at it before it has any stream. */
    ck_assert(push_queue_reserve(&queue, &few));
    push_queue_drop(&queue, 0);
    for (unsigned round = 0; round < 1000; round++) {
        uint32_t index = push_stream_table_take(&few);

        ck_assert(push_queue_reserve(&queue, &few));
        push_queue_add(&queue, &few, index);
        ck_assert_uint_le(queue.count, queue.room);
        push_stream_table_give(&few, index);
    }
    ck_assert_uint_eq(few.used, 1);
    ck_assert_uint_eq(queue.count, 1000);
    push_queue_drop(&queue, 1000);
    steady = queue.room;
    push_stream_table_take(&few);
    ck_assert(push_queue_reserve(&queue, &few));
    ck_assert_uint_eq(queue.room, steady);
    push_queue_cleanup(&queue);
    push_stream_table_cleanup(&few);
}
END_TEST

/* ---- followers ---- */

#define STREAMS  40u
#define CHANNELS 9u

static uint32_t count_followers(const push_followers_t *followers,
                                uint32_t channel, const bool *expected)
{
    const push_follower_t *f = push_followers_of(followers, channel);
    uint32_t count = 0;

    while (f) {
        NEEDS(f->stream < STREAMS && expected[f->stream],
              "stream %u does not follow %u", f->stream, channel);
        count++;
        f = push_followers_next(followers, f);
    }
    return count;
}

START_TEST(wake_ups_of_a_channel_reach_all_that_follow_it_and_no_other)
{
    bool follows[CHANNELS + 1][STREAMS] = {{false}};
    uint32_t totals[CHANNELS + 1] = {0};
    uint32_t lists[STREAMS] = {0};
    push_followers_t followers;
    dice_t d = dice((uint64_t)_i);

    ck_assert(push_followers_init(&followers));
    for (int step = 0; step < 3000; step++) {
        uint32_t stream = dice_below(&d, STREAMS);
        uint32_t channel = 1 + dice_below(&d, CHANNELS);

        if (!follows[channel][stream] && dice_below(&d, 3)) {
            NEEDS(push_followers_add(&followers, channel, stream,
                                     &lists[stream]),
                  "no memory");
            follows[channel][stream] = true;
            totals[channel]++;
        }
        else if (lists[stream]) {
            bool last = push_followers_drop(&followers, &lists[stream],
                                            &channel);

            NEEDS(follows[channel][stream], "it did not follow");
            follows[channel][stream] = false;
            totals[channel]--;
            NEEDS(last == !totals[channel], "wrong about the last one");
        }
        for (uint32_t c = 1; c <= CHANNELS; c++) {
            NEEDS(count_followers(&followers, c, follows[c]) == totals[c],
                  "followers of %u", c);
        }
    }
    push_followers_cleanup(&followers);
}
END_TEST

/* ---- streams ---- */

START_TEST(a_stream_keeps_its_address_and_its_index_while_it_lives)
{
    push_stream_t *addresses[2000];
    push_stream_table_t streams;
    uint32_t index;

    memset(&streams, 0, sizeof(streams));
    for (uint32_t i = 0; i < 2000; i++) {
        index = push_stream_table_take(&streams);
        NEEDS(index == i, "index %u is not %u", index, i);
        addresses[i] = push_stream_table_at(&streams, i);
        NEEDS(addresses[i]->link.fd == -1, "not cleared");
        addresses[i]->link.fd = (int)i;
    }
    for (uint32_t i = 0; i < 2000; i++) {
        NEEDS(push_stream_table_at(&streams, i) == addresses[i], "it moved");
        NEEDS(addresses[i]->link.fd == (int)i, "it changed");
    }
    push_stream_table_give(&streams, 7);
    push_stream_table_give(&streams, 1999);
    ck_assert_uint_eq(streams.count, 1998);
    ck_assert_uint_eq(push_stream_table_take(&streams), 1999);
    ck_assert_uint_eq(push_stream_table_take(&streams), 7);
    ck_assert_uint_eq(push_stream_table_take(&streams), 2000);
    push_stream_table_cleanup(&streams);
}
END_TEST

/* ---- heartbeats ---- */

static push_stream_table_t streams;
static push_beats_t beats;

static void begin(void)
{
    memset(&streams, 0, sizeof(streams));
    memset(&beats, 0, sizeof(beats));
}

static void end(void)
{
    push_stream_table_cleanup(&streams);
}

static uint32_t join(uint32_t interval, uint32_t now)
{
    uint32_t index = push_stream_table_take(&streams);

    push_stream_table_at(&streams, index)->beat = (uint8_t)push_beat_for(
        &beats, interval);
    push_beat_join(&beats, &streams, index, now);
    return index;
}

START_TEST(whoever_was_written_to_longest_ago_is_beaten_first)
{
    uint32_t budget = 10;
    uint32_t a = join(4000, 0);
    uint32_t b = join(4000, 5);
    uint32_t c = join(4000, 10);

    push_beat_touch(&beats, &streams, a, 20);
    ck_assert_uint_eq(push_beat_next(&beats, &streams, 0, 4004, &budget),
                      PUSH_NO_STREAM);
    ck_assert_uint_eq(push_beat_next(&beats, &streams, 0, 4005, &budget), b);
    push_beat_touch(&beats, &streams, b, 4005);
    ck_assert_uint_eq(push_beat_next(&beats, &streams, 0, 4005, &budget),
                      PUSH_NO_STREAM);
    push_beat_leave(&beats, &streams, c);
    ck_assert_uint_eq(push_beat_next(&beats, &streams, 0, 4020, &budget), a);
}
END_TEST

START_TEST(the_reactors_clock_may_wrap)
{
    uint32_t budget = 10;
    uint32_t a = join(4000, UINT32_MAX - 1000);

    ck_assert_uint_eq(push_beat_next(&beats, &streams, 0, 2998, &budget),
                      PUSH_NO_STREAM);
    ck_assert_uint_eq(push_beat_next(&beats, &streams, 0, 2999, &budget), a);
}
END_TEST

START_TEST(each_interval_has_its_list_and_too_many_take_the_next_shorter)
{
    for (uint32_t i = 0; i < PUSH_BEATS_MAX; i++) {
        ck_assert_uint_eq(push_beat_for(&beats, 1000 * (i + 1)), i);
    }
    ck_assert_uint_eq(push_beat_for(&beats, 3000), 2);
    ck_assert_uint_eq(push_beat_for(&beats, 3500), 2);
    ck_assert_uint_eq(push_beat_for(&beats, 99000), PUSH_BEATS_MAX - 1);
}
END_TEST

START_TEST(an_interval_below_all_others_takes_the_shortest)
{
    for (uint32_t i = 0; i < PUSH_BEATS_MAX; i++) {
        push_beat_for(&beats, 1000 * (PUSH_BEATS_MAX - i));
    }
    ck_assert_uint_eq(push_beat_for(&beats, 500), PUSH_BEATS_MAX - 1);
    ck_assert_uint_eq(push_beat_for(&beats, 3500), PUSH_BEATS_MAX - 3);
}
END_TEST

#define CROWD 5000u

/* A reactor's round every ten milliseconds, for so long. */
static uint32_t rounds(uint32_t from, uint32_t to, uint32_t *latest)
{
    uint32_t peak = 0;

    for (uint32_t now = from; now < to; now += 10) {
        uint32_t budget = push_beat_budget(&beats, 0, 10);
        uint32_t beaten = 0;
        uint32_t index;

        for (;;) {
            index = push_beat_next(&beats, &streams, 0, now, &budget);
            if (index == PUSH_NO_STREAM) {
                break;
            }
            if (now - push_stream_table_at(&streams, index)->written
                > *latest) {
                *latest = now - push_stream_table_at(&streams, index)->written;
            }
            push_beat_touch(&beats, &streams, index, now);
            beaten++;
        }
        peak = beaten > peak ? beaten : peak;
    }
    return peak;
}

START_TEST(beats_that_fall_due_at_once_spread_and_none_is_half_a_second_late)
{
    uint32_t latest = 0;
    uint32_t peak;

    for (uint32_t i = 0; i < CROWD; i++) {
        join(4000, 0);
    }
    rounds(10, 60000, &latest);
    ck_assert_uint_le(latest, 4500);
    peak = rounds(60000, 68000, &latest);
    ck_assert_uint_le(latest, 4500);
    ck_assert_uint_le(peak, CROWD * 10 / 4000 * 5 / 2);
}
END_TEST

START_TEST(the_wait_ends_when_the_next_is_due)
{
    join(4000, 100);
    join(9000, 0);
    ck_assert_uint_eq(push_beat_wait(&beats, &streams, 1100, 60000), 3000);
    ck_assert_uint_eq(push_beat_wait(&beats, &streams, 1100, 500), 500);
    ck_assert_uint_eq(push_beat_wait(&beats, &streams, 4099, 60000),
                      PUSH_BEAT_TICK);
    ck_assert_uint_eq(push_beat_wait(&beats, &streams, 4200, 60000),
                      PUSH_BEAT_TICK);
}
END_TEST

/* ---- the batching pause ---- */

START_TEST(a_reactor_pauses_when_it_is_busy_with_little_for_each_stream)
{
    push_batching_t batching = {0};

    ck_assert_uint_eq(push_batching_pause(&batching, 1000, 500, 500), 0);
    ck_assert_uint_eq(
        push_batching_pause(&batching, 999 + PUSH_BATCHING_BUSY_MS, 500, 500),
        0);
    ck_assert_uint_eq(
        push_batching_pause(&batching, 1000 + PUSH_BATCHING_BUSY_MS, 500, 500),
        PUSH_BATCHING_PAUSE_MS);
    ck_assert_uint_eq(push_batching_pause(&batching, 1050, 500, 1500),
                      PUSH_BATCHING_PAUSE_MS);
    push_batching_reset(&batching);
    ck_assert_uint_eq(push_batching_pause(&batching, 1060, 500, 500), 0);
}
END_TEST

START_TEST(a_reactor_does_not_pause_while_it_has_much_for_each_stream)
{
    push_batching_t batching = {0};

    for (int64_t now = 1000; now < 2000; now += 10) {
        ck_assert_uint_eq(push_batching_pause(&batching, now, 100,
                                              100 * PUSH_BATCHING_ENOUGH),
                          0);
        ck_assert_uint_eq(push_batching_pause(&batching, now, 0, 0), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the lists of a reactor");
    TCase *lists = unit_case(suite, "lists", 60);
    TCase *beat = unit_case(suite, "heartbeats", 60);
    TCase *batching = unit_case(suite, "pace", 60);

    tcase_add_checked_fixture(beat, begin, end);
    tcase_add_loop_test(lists, a_map_holds_what_a_plain_array_holds, 0, 6);
    tcase_add_loop_test(
        lists, wake_ups_of_a_channel_reach_all_that_follow_it_and_no_other, 0,
        5);
    tcase_add_test(
        lists,
        the_queue_has_room_for_streams_that_come_and_go_before_their_turn);
    tcase_add_test(lists,
                   a_stream_keeps_its_address_and_its_index_while_it_lives);
    tcase_add_test(beat, whoever_was_written_to_longest_ago_is_beaten_first);
    tcase_add_test(beat, the_reactors_clock_may_wrap);
    tcase_add_test(
        beat, each_interval_has_its_list_and_too_many_take_the_next_shorter);
    tcase_add_test(beat, an_interval_below_all_others_takes_the_shortest);
    tcase_add_test(
        beat,
        beats_that_fall_due_at_once_spread_and_none_is_half_a_second_late);
    tcase_add_test(beat, the_wait_ends_when_the_next_is_due);
    tcase_add_test(
        batching,
        a_reactor_pauses_when_it_is_busy_with_little_for_each_stream);
    tcase_add_test(batching,
                   a_reactor_does_not_pause_while_it_has_much_for_each_stream);
    return unit_run(suite);
}
