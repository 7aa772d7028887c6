#include "core_suite.h"

#include <stdio.h>
#include <string.h>

#include "core/families.h"
#include "core/times.h"
#include "core/types.h"
#include "http/admin/exposition.h"

/* Metrics as text, and times in buckets. */

static char text[8192];
static size_t len;

static void put(void *data, const char *more, size_t more_len)
{
    (void)data;
    ck_assert_uint_lt(len + more_len, sizeof(text));
    memcpy(text + len, more, more_len);
    len += more_len;
    text[len] = '\0';
}

static push_exposition_t to(bool open)
{
    len = 0;
    text[0] = '\0';
    return (push_exposition_t){open, put, NULL};
}

static const push_pair_t none[PUSH_PAIRS];

START_TEST(a_family_has_its_help_and_type_and_openmetrics_leaves_total_out)
{
    push_exposition_t old = to(false);

    push_exposition_family(&old, "push_a_total", "counter", "What.");
    ck_assert_str_eq(text, "# HELP push_a_total What.\n"
                           "# TYPE push_a_total counter\n");
    push_exposition_end(&old);
    ck_assert_ptr_null(strstr(text, "EOF"));
    old = to(true);
    push_exposition_family(&old, "push_a_total", "counter", "What.");
    push_exposition_value(&old, "push_a_total", none, (push_amount_t){7, 1});
    push_exposition_end(&old);
    ck_assert_str_eq(text, "# HELP push_a What.\n# TYPE push_a counter\n"
                           "push_a_total 7\n# EOF\n");
}
END_TEST

START_TEST(what_would_end_a_text_early_is_escaped)
{
    push_exposition_t old = to(false);
    const push_pair_t pairs[PUSH_PAIRS] = {{"v", "a\"b\\c\nd"}, {"w", ""}};

    push_exposition_family(&old, "push_g", "gauge", "a\"b\\c\nd");
    push_exposition_value(&old, "push_g", pairs, (push_amount_t){1, 1});
    ck_assert_str_eq(text, "# HELP push_g a\"b\\\\c\\nd\n# TYPE push_g gauge\n"
                           "push_g{v=\"a\\\"b\\\\c\\nd\",w=\"\"} 1\n");
    old = to(true);
    push_exposition_family(&old, "push_g", "gauge", "a\"b\\c\nd");
    ck_assert_str_eq(text, "# HELP push_g a\\\"b\\\\c\\nd\n"
                           "# TYPE push_g gauge\n");
}
END_TEST

static const struct {
    uint64_t us;
    const char *text;
} amounts[] = {
    {0, "push_x 0\n"},
    {1, "push_x 0.000001\n"},
    {100, "push_x 0.0001\n"},
    {1000000, "push_x 1\n"},
    {1500000, "push_x 1.5\n"},
    {86400000000, "push_x 86400\n"},
    {1234567890123456, "push_x 1234567890.123456\n"},
    {UINT64_MAX, "push_x 18446744073709.551615\n"},
};

START_TEST(times_are_seconds_to_the_microsecond)
{
    push_exposition_t old = to(false);

    push_exposition_value(&old, "push_x", none,
                          (push_amount_t){amounts[_i].us, 1000000});
    ck_assert_str_eq(text, amounts[_i].text);
}
END_TEST

static const int64_t bounds[] = {500000, 1000000, 2500000};

START_TEST(buckets_add_up_and_end_with_inf_sum_and_count)
{
    static const uint64_t cells[] = {2, 0, 3, 1, 9500000};
    const push_pair_t pairs[PUSH_PAIRS] = {{"urgency", "high"}};
    const push_spread_t spread = {bounds, 3, cells, NULL, 0};
    push_exposition_t old = to(false);

    push_exposition_spread(&old, "push_h", pairs, &spread);
    ck_assert_str_eq(text, "push_h_bucket{urgency=\"high\",le=\"0.5\"} 2\n"
                           "push_h_bucket{urgency=\"high\",le=\"1\"} 2\n"
                           "push_h_bucket{urgency=\"high\",le=\"2.5\"} 5\n"
                           "push_h_bucket{urgency=\"high\",le=\"+Inf\"} 6\n"
                           "push_h_sum{urgency=\"high\"} 9.5\n"
                           "push_h_count{urgency=\"high\"} 6\n");
}
END_TEST

START_TEST(an_exemplar_stands_at_its_bucket_of_its_urgency_in_openmetrics)
{
    static const uint64_t cells[] = {0, 1, 0, 0, 700000};
    const push_sample_t samples[] = {
        {0},
        {1, 700000, 1700000000123, {0x0a, 0xf7, [15] = 0x9c}},
        {0, 1200000, 1700000000000, {1}},
        {0}};
    push_spread_t spread = {bounds, 3, cells, samples, 1};
    push_exposition_t open = to(true);

    push_exposition_spread(&open, "push_h", none, &spread);
    ck_assert_str_eq(
        text, "push_h_bucket{le=\"0.5\"} 0\n"
              "push_h_bucket{le=\"1.0\"} 1 # "
              "{trace_id=\"0af7000000000000000000000000009c\"} 0.7 "
              "1700000000.123\n"
              "push_h_bucket{le=\"2.5\"} 1\npush_h_bucket{le=\"+Inf\"} 1\n"
              "push_h_sum 0.7\npush_h_count 1\n");
    open = to(false);
    push_exposition_spread(&open, "push_h", none, &spread);
    ck_assert_ptr_null(strstr(text, "trace_id"));
}
END_TEST

/* ---- buckets ---- */

static const struct {
    int64_t us;
    unsigned bucket;
} times[] = {{-5, 0},        {0, 0},         {100, 0},       {101, 1},
             {250, 1},       {251, 2},       {999, 3},       {1000, 3},
             {1001, 4},      {5000000, 14},  {10000000, 15}, {10000001, 16},
             {30000000, 16}, {30000001, 17}, {INT64_MAX, 17}};

START_TEST(a_time_is_counted_in_the_first_bucket_that_holds_it)
{
    push_counts_t counts = {0};
    unsigned bucket = push_count_time(&counts, PUSH_TIME_WRITE_LATENCY, 1,
                                      times[_i].us);
    const push_family_t *family = push_family(PUSH_FAMILY_WRITE_LATENCY);
    uint64_t sums[PUSH_COUNTS] = {0};
    unsigned cells = family->first + family->bounds_count + 2;

    ck_assert_uint_eq(bucket, times[_i].bucket);
    push_counts_add(sums, &counts);
    ck_assert_uint_eq(sums[cells + bucket], 1);
    ck_assert_uint_eq(sums[cells + family->bounds_count + 1],
                      times[_i].us < 0 ? 0 : (uint64_t)times[_i].us);
    sums[cells + bucket] = 0;
    sums[cells + family->bounds_count + 1] = 0;
    for (int i = 0; i < PUSH_COUNTS; i++) {
        ck_assert_uint_eq(sums[i], 0);
    }
}
END_TEST

START_TEST(no_two_figures_share_a_cell_and_none_is_left_over)
{
    unsigned next = 0;

    for (int i = 0; i < PUSH_FAMILIES; i++) {
        const push_family_t *f = push_family((push_family_kind_t)i);

        ck_assert_uint_eq(f->first, next);
        next += f->labels[0]->count
                * (f->bounds ? f->bounds_count + 2 : f->labels[1]->count);
        ck_assert(!strncmp(f->name, "push_", 5));
        ck_assert_uint_gt(strlen(f->help), 10);
        for (unsigned j = 1; j < f->bounds_count; j++) {
            ck_assert_int_gt(f->bounds[j], f->bounds[j - 1]);
        }
    }
    ck_assert_uint_eq(next, PUSH_COUNTS);
}
END_TEST

START_TEST(labels_of_types_are_their_values)
{
    ck_assert_uint_eq(push_label_value(PUSH_FAMILY_REJECTED, "rate"),
                      PUSH_BY_REJECTED_RATE);
    ck_assert_uint_eq(push_label_value(PUSH_FAMILY_REJECTED, "new-one"),
                      PUSH_BY_REJECTED_OTHER);
    for (unsigned i = 0; i < PUSH_LANES; i++) {
        ck_assert_str_eq(
            push_family(PUSH_FAMILY_WRITTEN)->labels[0]->values[i],
            push_urgency_name((push_urgency_t)i));
    }
    for (unsigned i = 0; i <= PUSH_GAP_STATE_LOST; i++) {
        ck_assert_str_eq(push_family(PUSH_FAMILY_GAPS)->labels[0]->values[i],
                         push_gap_name((push_gap_t)i));
    }
}
END_TEST

/* ---- examples ---- */

START_TEST(an_example_that_is_being_written_is_not_read)
{
    static push_exemplars_t exemplars;
    const push_sample_t sample = {2, 123, 456, {1, 2, 3}};
    push_sample_t got;

    ck_assert(!push_exemplar_read(&exemplars, 3, &got));
    push_exemplar_note(&exemplars, 3, &sample);
    ck_assert(push_exemplar_read(&exemplars, 3, &got));
    ck_assert_uint_eq(got.urgency, 2);
    ck_assert_int_eq(got.us, 123);
    ck_assert_int_eq(got.wall, 456);
    ck_assert_mem_eq(got.trace, sample.trace, sizeof(got.trace));
    /* Who wrote it died. */
    exemplars.of[3].version++;
    ck_assert(!push_exemplar_read(&exemplars, 3, &got));
    push_exemplar_note(&exemplars, 3, &sample);
    ck_assert(push_exemplar_read(&exemplars, 3, &got));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exposition");
    TCase *tc = unit_case(suite, "exposition", 20);

    tcase_add_test(
        tc, a_family_has_its_help_and_type_and_openmetrics_leaves_total_out);
    tcase_add_test(tc, what_would_end_a_text_early_is_escaped);
    tcase_add_row_test(tc, times_are_seconds_to_the_microsecond, amounts);
    tcase_add_test(tc, buckets_add_up_and_end_with_inf_sum_and_count);
    tcase_add_test(
        tc, an_exemplar_stands_at_its_bucket_of_its_urgency_in_openmetrics);
    tcase_add_row_test(tc, a_time_is_counted_in_the_first_bucket_that_holds_it,
                       times);
    tcase_add_test(tc, no_two_figures_share_a_cell_and_none_is_left_over);
    tcase_add_test(tc, labels_of_types_are_their_values);
    tcase_add_test(tc, an_example_that_is_being_written_is_not_read);
    return unit_run(suite);
}
