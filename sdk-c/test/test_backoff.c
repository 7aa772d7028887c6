/* test_backoff.c - when to try again, against the shared vectors. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "settings.h"
#include "suite.h"
#include "vectors.h"

static struct pushc_settings *set;

static void setup(void)
{
    pushc_options o = PUSHC_OPTIONS_INIT;

    o.url = "http://127.0.0.1/ramen";
    ck_assert_int_eq(pushc_settings_create(&o, sizeof(*set), &set), PUSHC_OK);
}

static void teardown(void)
{
    pushc_settings_destroy(set, sizeof(*set));
}

static enum pushc_backoff_kind kind_of(const char *name)
{
    return strcmp(name, "spread") == 0        ? PUSHC_BACKOFF_SPREAD
           : strcmp(name, "retry-after") == 0 ? PUSHC_BACKOFF_RETRY_AFTER
           : strcmp(name, "wake") == 0        ? PUSHC_BACKOFF_WAKE
                                              : PUSHC_BACKOFF_JITTER;
}

START_TEST(the_vectors_hold)
{
    json_t *rows = vectors_load("backoff.json");
    size_t i;

    for (i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct pushc_backoff b;
        uint64_t delay;

        b.kind = kind_of(vectors_string(row, "kind"));
        b.base = (uint64_t)vectors_number(row, "base");
        b.hint = (uint64_t)vectors_number(row, "hint");
        b.failed = (unsigned)vectors_number(row, "n");
        delay = pushc_backoff_delay(&b, vectors_number(row, "u"));
        ck_assert_msg(delay == (uint64_t)vectors_number(row, "delay"),
                      "%s: %llu", vectors_string(row, "description"),
                      (unsigned long long)delay);
    }
    json_decref(rows);
}
END_TEST

START_TEST(no_delay_is_below_100_ms_nor_above_its_ceiling_for_any_count)
{
    unsigned n;

    for (n = 0; n <= 1000000; n++) {
        struct pushc_backoff b = {PUSHC_BACKOFF_JITTER, 1000, 0, n};
        uint64_t low = pushc_backoff_delay(&b, 0.0);
        uint64_t high = pushc_backoff_delay(&b, 0.9999999999);

        uint64_t ceiling = n < 5 ? 1000ull << n : 30000;

        if (low != 100 || high > ceiling || high < ceiling - 1) {
            ck_abort_msg("n %u: %llu to %llu", n, (unsigned long long)low,
                         (unsigned long long)high);
        }
    }
}
END_TEST

START_TEST(the_delays_are_spread_evenly)
{
    enum { DRAWS = 200000, BINS = 20 };
    struct pushc_backoff b = {PUSHC_BACKOFF_JITTER, 1000, 0, 10};
    int bins[BINS] = {0};
    int i;

    for (i = 0; i < DRAWS; i++) {
        uint64_t delay = pushc_backoff_delay(&b, pushc_uniform(set));

        if (delay < 100 || delay >= 30000) {
            ck_abort_msg("a delay of %llu", (unsigned long long)delay);
        }
        bins[(delay - 100) * BINS / 29900]++;
    }
    /* Ten standard deviations: never by chance. */
    for (i = 0; i < BINS; i++) {
        ck_assert_int_gt(bins[i], DRAWS / BINS - 1000);
        ck_assert_int_lt(bins[i], DRAWS / BINS + 1000);
    }
}
END_TEST

START_TEST(ten_thousand_clients_with_a_hint_of_10_s_come_2_percent_a_100_ms)
{
    struct pushc_backoff b = {PUSHC_BACKOFF_SPREAD, 1000, 10000, 0};
    int buckets[100] = {0};
    int i;

    for (i = 0; i < 10000; i++) {
        buckets[pushc_backoff_delay(&b, pushc_uniform(set)) / 100]++;
    }
    for (i = 0; i < 100; i++) {
        ck_assert_int_le(buckets[i], 200);
    }
}
END_TEST

START_TEST(two_clients_never_share_a_schedule)
{
    struct pushc_settings other = *set;
    int same = 0, i;

    for (i = 0; i < 64; i++) {
        struct pushc_backoff b = {PUSHC_BACKOFF_JITTER, 1000, 0, 8};

        same += pushc_backoff_delay(&b, pushc_uniform(set))
                == pushc_backoff_delay(&b, pushc_uniform(&other));
    }
    ck_assert_int_lt(same, 8);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("backoff", 60);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_vectors_hold);
    tcase_add_test(
        tc, no_delay_is_below_100_ms_nor_above_its_ceiling_for_any_count);
    tcase_add_test(tc, the_delays_are_spread_evenly);
    tcase_add_test(
        tc, ten_thousand_clients_with_a_hint_of_10_s_come_2_percent_a_100_ms);
    tcase_add_test(tc, two_clients_never_share_a_schedule);
    return suite_run();
}
