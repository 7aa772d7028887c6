#include "core/window.h"
#include "core_heap.h"
#include "core_suite.h"

#include <string.h>

static watched_heap_t memory;
static push_heap_t *heap;
static push_window_t window;

static void begin(void)
{
    watched_heap_init(&memory);
    heap = &memory.heap;
    memset(&window, 0, sizeof(window));
}

static void end(void)
{
    watched_heap_destroy(&memory);
}

static push_position_t position(unsigned subscription, unsigned lane,
                                uint32_t at)
{
    return (push_position_t){(uint16_t)subscription, (uint16_t)lane, at};
}

static void append(push_position_t p)
{
    NEEDS(push_window_append(heap, &window, p) == PUSH_OK, "no memory");
}

static void expect(push_position_t got, push_position_t want)
{
    NEEDS(got.subscription == want.subscription && got.lane == want.lane
              && got.at == want.at,
          "%u/%u/%u is not %u/%u/%u", got.subscription, got.lane, got.at,
          want.subscription, want.lane, want.at);
}

static push_position_t take_last(void)
{
    push_position_t last = push_window_last(heap, &window);

    push_window_drop_last(heap, &window);
    return last;
}

START_TEST(neighbours_of_one_lane_stand_in_one_run)
{
    for (uint32_t i = 0; i < 1000; i++) {
        append(position(2, 1, 50 + i));
    }
    ck_assert_uint_eq(push_window_runs(heap, &window), 1);
    ck_assert_uint_eq(memory.live, 1);
    expect(push_window_get(heap, &window, 999), position(2, 1, 1049));
    expect(push_window_take_first(heap, &window), position(2, 1, 50));
    expect(take_last(), position(2, 1, 1049));
    push_window_cleanup(heap, &window);
    watched_heap_cleanup(&memory);
    watched_heap_init(&memory);
}
END_TEST

START_TEST(another_lane_subscription_or_a_hole_begins_a_run)
{
    append(position(0, 1, 7));
    append(position(0, 1, 8));
    append(position(0, 2, 9));
    append(position(1, 2, 10));
    append(position(1, 2, 12));
    append(position(1, 2, 12));
    ck_assert_uint_eq(push_window_runs(heap, &window), 5);
}
END_TEST

START_TEST(a_run_goes_on_over_the_wrap_of_positions)
{
    append(position(0, 0, UINT32_MAX - 1));
    append(position(0, 0, UINT32_MAX));
    append(position(0, 0, 0));
    append(position(0, 0, 1));
    ck_assert_uint_eq(push_window_runs(heap, &window), 1);
    ck_assert(push_window_holds(heap, &window, position(0, 0, UINT32_MAX)));
    ck_assert(push_window_holds(heap, &window, position(0, 0, 1)));
    ck_assert(!push_window_holds(heap, &window, position(0, 0, 2)));
    ck_assert(
        !push_window_holds(heap, &window, position(0, 0, UINT32_MAX - 2)));
    ck_assert_uint_eq(push_window_lowest(heap, &window, position(0, 0, 2)),
                      UINT32_MAX - 1);
    expect(take_last(), position(0, 0, 1));
    expect(push_window_get(heap, &window, 2), position(0, 0, 0));
}
END_TEST

START_TEST(an_empty_window_keeps_no_memory)
{
    append(position(0, 0, 1));
    append(position(0, 0, 5));
    take_last();
    push_window_take_first(heap, &window);
    ck_assert_uint_eq(memory.live, 0);
    append(position(0, 0, 9));
    expect(push_window_take_first(heap, &window), position(0, 0, 9));
    ck_assert_uint_eq(memory.live, 0);
}
END_TEST

START_TEST(a_window_that_cannot_grow_stays_as_it_was)
{
    append(position(0, 0, 1));
    append(position(0, 0, 3));
    watched_heap_fail_at(&memory, 1);
    ck_assert_int_eq(push_window_append(heap, &window, position(0, 0, 5)),
                     PUSH_NO_MEMORY);
    ck_assert_uint_eq(push_window_runs(heap, &window), 2);
    append(position(0, 0, 4));
    expect(push_window_get(heap, &window, 0), position(0, 0, 1));
    expect(push_window_get(heap, &window, 1), position(0, 0, 3));
    expect(push_window_get(heap, &window, 2), position(0, 0, 4));
}
END_TEST

/* ---- against a plain array ---- */

#define ROOM 4096

typedef struct {
    push_position_t positions[ROOM];
    uint32_t first, last;
} array_t;

static void compare(const array_t *array)
{
    uint32_t count = array->last - array->first;

    for (uint32_t i = 0; i < count; i++) {
        push_position_t p = array->positions[array->first + i];
        uint32_t lowest = p.at;

        expect(push_window_get(heap, &window, i), p);
        NEEDS(push_window_holds(heap, &window, p), "not held");
        for (uint32_t j = array->last; j-- > array->first;) {
            if (array->positions[j].subscription == p.subscription
                && array->positions[j].lane == p.lane) {
                lowest = array->positions[j].at;
            }
        }
        NEEDS(push_window_lowest(heap, &window, p) == lowest, "lowest");
    }
}

static bool in_array(const array_t *array, push_position_t p)
{
    for (uint32_t i = array->first; i < array->last; i++) {
        if (!memcmp(&array->positions[i], &p, sizeof(p))) {
            return true;
        }
    }
    return false;
}

START_TEST(a_window_is_a_plain_array_to_whoever_asks)
{
    static array_t array;
    uint32_t heads[3][2] = {{UINT32_MAX - 5, 0}, {3, 1000}, {0, 9}};
    dice_t d = dice((uint64_t)_i);

    memset(&array, 0, sizeof(array));
    for (int step = 0; step < (watched_by_valgrind() ? 150 : 600); step++) {
        uint32_t subscription = dice_below(&d, 3);
        uint32_t lane = dice_below(&d, 2);

        if (dice_below(&d, 3) && array.last - array.first < 200) {
            uint32_t run = 1 + dice_below(&d, 4);

            heads[subscription][lane] += dice_one_in(&d, 3) ? dice_below(&d, 5)
                                                            : 0;
            while (run-- && array.last < ROOM) {
                push_position_t p = position(subscription, lane,
                                             heads[subscription][lane]++);

                append(p);
                array.positions[array.last++] = p;
            }
        }
        else if (array.last > array.first && dice_one_in(&d, 2)) {
            expect(push_window_take_first(heap, &window),
                   array.positions[array.first++]);
        }
        else if (array.last > array.first) {
            push_position_t p = take_last();

            expect(p, array.positions[--array.last]);
            heads[p.subscription][p.lane] = p.at;
        }
        if (step % 50 == 0) {
            push_position_t p = position(subscription, lane,
                                         heads[subscription][lane] - 3
                                             + dice_below(&d, 6));

            compare(&array);
            ck_assert_int_eq(push_window_holds(heap, &window, p),
                             in_array(&array, p));
        }
    }
    while (array.last > array.first) {
        expect(push_window_take_first(heap, &window),
               array.positions[array.first++]);
    }
    ck_assert_uint_eq(memory.live, 0);
    watched_heap_check(&memory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("window");
    TCase *tc = unit_case(suite, "window", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, neighbours_of_one_lane_stand_in_one_run);
    tcase_add_test(tc, another_lane_subscription_or_a_hole_begins_a_run);
    tcase_add_test(tc, a_run_goes_on_over_the_wrap_of_positions);
    tcase_add_test(tc, an_empty_window_keeps_no_memory);
    tcase_add_test(tc, a_window_that_cannot_grow_stays_as_it_was);
    tcase_add_loop_test(tc, a_window_is_a_plain_array_to_whoever_asks, 0, 10);
    return unit_run(suite);
}
