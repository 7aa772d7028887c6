#include "core_suite.h"
#include "stream/loop/deadline.h"

#include <string.h>

/* Deadlines of streams, against a plain array of them. */

#define STREAMS 300u

typedef struct {
    push_stream_table_t streams;
    push_deadlines_t deadlines;
    int64_t at[STREAMS]; /* 0: none */
} world_t;

static void world_init(world_t *w)
{
    memset(w, 0, sizeof(*w));
    for (uint32_t i = 0; i < STREAMS; i++) {
        ck_assert_uint_eq(push_stream_table_take(&w->streams), i);
    }
}

static void world_cleanup(world_t *w)
{
    push_deadlines_cleanup(&w->deadlines);
    push_stream_table_cleanup(&w->streams);
}

static int64_t earliest(const world_t *w)
{
    int64_t first = 0;

    for (uint32_t i = 0; i < STREAMS; i++) {
        if (w->at[i] && (!first || w->at[i] < first)) {
            first = w->at[i];
        }
    }
    return first;
}

static void toggle(world_t *w, uint32_t index, int64_t at)
{
    if (w->at[index]) {
        push_deadline_leave(&w->deadlines, &w->streams, index);
        w->at[index] = 0;
        return;
    }
    NEEDS(push_deadline_join(&w->deadlines, &w->streams, index, at),
          "no memory");
    w->at[index] = at;
}

static void check(const world_t *w, int64_t now)
{
    uint32_t next = push_deadline_next(&w->deadlines, now);
    int64_t first = earliest(w);
    bool due = first && first <= now;

    NEEDS((next != PUSH_NO_STREAM) == due, "one is due, or none");
    NEEDS(!due || w->at[next] == first, "it is not the first one");
    for (uint32_t i = 0; i < STREAMS; i++) {
        NEEDS(push_deadline_of(&w->deadlines, &w->streams, i) == w->at[i],
              "%u has another deadline", i);
    }
}

START_TEST(the_next_deadline_is_the_earliest_of_those_that_stand)
{
    world_t w;
    dice_t d = dice((uint64_t)_i);

    world_init(&w);
    for (int64_t now = 1; now < 4000; now++) {
        uint32_t soon = _i % 2 ? 5 : 2000;

        toggle(&w, dice_below(&d, STREAMS), now + dice_below(&d, soon));
        check(&w, now);
        if (dice_one_in(&d, 3)) {
            uint32_t next = push_deadline_next(&w.deadlines, now);

            if (next != PUSH_NO_STREAM) {
                toggle(&w, next, 0);
            }
        }
    }
    world_cleanup(&w);
}
END_TEST

START_TEST(the_wait_ends_with_the_next_deadline)
{
    world_t w;

    world_init(&w);
    ck_assert_uint_eq(push_deadline_wait(&w.deadlines, 100, 1000), 1000);
    toggle(&w, 7, 5000);
    ck_assert_uint_eq(push_deadline_wait(&w.deadlines, 100, 1000), 1000);
    ck_assert_uint_eq(push_deadline_wait(&w.deadlines, 4900, 1000), 100);
    ck_assert_uint_eq(push_deadline_wait(&w.deadlines, 5000, 1000), 0);
    ck_assert_uint_eq(push_deadline_wait(&w.deadlines, 6000, 1000), 0);
    push_deadline_leave(&w.deadlines, &w.streams, 3);
    ck_assert_uint_eq(w.deadlines.count, 1);
    world_cleanup(&w);
}
END_TEST

START_TEST(streams_without_a_deadline_cost_nothing)
{
    world_t w;

    world_init(&w);
    ck_assert_ptr_null(w.deadlines.heap);
    ck_assert_uint_eq(push_deadline_next(&w.deadlines, INT64_MAX),
                      PUSH_NO_STREAM);
    world_cleanup(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deadline");
    TCase *tc = unit_case(suite, "deadline", 20);

    tcase_add_loop_test(
        tc, the_next_deadline_is_the_earliest_of_those_that_stand, 0, 6);
    tcase_add_test(tc, the_wait_ends_with_the_next_deadline);
    tcase_add_test(tc, streams_without_a_deadline_cost_nothing);
    return unit_run(suite);
}
