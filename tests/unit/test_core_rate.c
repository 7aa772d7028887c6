#include "core_suite.h"
#include "core/rate.h"

/* A token bucket of one second. */

#define SECOND INT64_C(1000000000)

static const uint32_t limits[] = {1, 2, 3, 7, 10, 1000, 999999, 1000000};

START_TEST(a_burst_of_one_second_is_let_through_and_no_more)
{
    uint32_t limit = limits[_i];
    int64_t full_at = 0, wait;
    push_rate_t rate;

    for (uint32_t i = 0; i < limit; i++) {
        NEEDS(push_rate_take(&full_at, SECOND, limit, &rate), "refused %u", i);
        NEEDS(rate.remaining == limit - 1 - i, "%u remain", rate.remaining);
        NEEDS((rate.wait > 0) == (rate.remaining == 0), "waits %ld",
              (long)rate.wait);
    }
    ck_assert(!push_rate_take(&full_at, SECOND, limit, &rate));
    ck_assert_uint_eq(rate.remaining, 0);
    ck_assert_int_gt(rate.wait, 0);
    /* As long as it says, and not a nanosecond less. */
    wait = rate.wait;
    ck_assert(!push_rate_take(&full_at, SECOND + wait - 1, limit, &rate));
    ck_assert(push_rate_take(&full_at, SECOND + wait, limit, &rate));
}
END_TEST

START_TEST(over_a_long_time_the_rate_is_what_was_said)
{
    dice_t d = dice((uint64_t)_i);
    int64_t now = SECOND, full_at = 0;
    uint32_t limit = 10, taken = 0;
    push_rate_t rate;

    while (now < 101 * SECOND) {
        taken += push_rate_take(&full_at, now, limit, &rate);
        now += dice_below(&d, 20000000);
    }
    ck_assert_uint_ge(taken, 100 * limit - 5);
    ck_assert_uint_le(taken, 100 * limit + limit + 1);
}
END_TEST

START_TEST(a_clock_that_was_set_back_locks_nobody_out)
{
    int64_t full_at = 1000 * SECOND;
    push_rate_t rate;

    ck_assert(!push_rate_take(&full_at, SECOND, 10, &rate));
    ck_assert_int_le(rate.wait, SECOND);
    ck_assert(push_rate_take(&full_at, 2 * SECOND, 10, &rate));
}
END_TEST

START_TEST(a_limit_that_was_lowered_or_raised_takes_effect_at_once)
{
    int64_t full_at = 0;
    push_rate_t rate;

    for (int i = 0; i < 100; i++) {
        ck_assert(push_rate_take(&full_at, SECOND, 100, &rate));
    }
    ck_assert(!push_rate_take(&full_at, SECOND, 1, &rate));
    ck_assert(push_rate_take(&full_at, 2 * SECOND, 1, &rate));
    ck_assert(!push_rate_take(&full_at, 2 * SECOND, 1, &rate));
    ck_assert(push_rate_take(&full_at, 2 * SECOND + SECOND / 10, 1000, &rate));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rate");
    TCase *tc = unit_case(suite, "rate", 20);

    tcase_add_row_test(tc, a_burst_of_one_second_is_let_through_and_no_more,
                       limits);
    tcase_add_loop_test(tc, over_a_long_time_the_rate_is_what_was_said, 0, 5);
    tcase_add_test(tc, a_clock_that_was_set_back_locks_nobody_out);
    tcase_add_test(tc,
                   a_limit_that_was_lowered_or_raised_takes_effect_at_once);
    return unit_run(suite);
}
