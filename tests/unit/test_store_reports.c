#include "core_suite.h"
#include "core_world.h"
#include "store/shard/report.h"
#include "store/upkeep/sweep.h"
#include "store_fixture.h"
#include "store_reports.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reports, on a clock that the tests set. */


static int64_t wall;

static void begin(void)
{
    store_begin();
    wall = AT(12, 0);
}

/* The next configuration has these names, parted by spaces. */
static push_naming_t renamed(const char *list)
{
    static push_class_name_t names[PUSH_CLASS_NAMES];
    static uint64_t configuration = 0;
    char copy[1024], *last;
    push_naming_t naming = {.names = names,
                            .configuration = configuration,
                            .now = {.mono = wall, .wall = wall}};
    push_naming_t again;

    configuration++;
    memset(names, 0, sizeof(names));
    snprintf(copy, sizeof(copy), "%s", list);
    for (char *name = strtok_r(copy, " ", &last); name;
         name = strtok_r(NULL, " ", &last)) {
        push_class_name_t *at = &names[naming.count++];

        at->len = (uint8_t)strlen(name);
        memcpy(at->text, name, at->len);
    }
    ck_assert_int_eq(push_report_rename(&g.store, &naming), PUSH_OK);
    again = naming;
    ck_assert_int_eq(push_report_rename(&g.store, &again), PUSH_OVER);
    return naming;
}

/* The first class is that of messages without an event type. */
static void begin_named(void)
{
    begin();
    renamed("message");
}

static void happens(unsigned class, push_tally_kind_t what, uint32_t more)
{
    fixture_happens(&g, class, what, more);
}

static bool closes_at(int64_t at)
{
    const push_time_t now = {.mono = at, .wall = at};
    int64_t minute;

    wall = at;
    return push_report_close(&g.store, &now, &minute);
}

/* ---- what is told ---- */

/* "720 message published=1; 721* ...": steps since the DAY, or days. */
static const char *report_of(push_period_t step, bool total)
{
    const push_report_query_t query = {.step = step,
                                       .from = 0,
                                       .to = INT64_MAX,
                                       .total = total,
                                       .now = {.wall = wall}};

    told[0] = '\0';
    ck_assert_int_eq(push_report_read(&g.store, &query, reports_tell, &step),
                     PUSH_OK);
    return told;
}

static void add_all(void *data, const push_report_row_t *row)
{
    uint64_t *sum = data;

    for (int i = 0; i < PUSH_TALLIES; i++) {
        *sum += row->of[i];
    }
}

static uint64_t all_of(push_period_t step)
{
    const push_report_query_t query = {
        .step = step, .to = INT64_MAX, .now = {.wall = wall}};
    uint64_t sum = 0;

    ck_assert_int_eq(push_report_read(&g.store, &query, add_all, &sum),
                     PUSH_OK);
    return sum;
}

/* ---- bytes ---- */

static const struct {
    unsigned char bytes[8];
    size_t len;
    uint64_t published, refused, filtered; /* of the class 1 */
    bool read;
} rows[] = {
    {{1, 0x81, 5, 7}, 4, 5, 7, 0, true},
    {{1, 0x81, 5, 7, 0x81, 1, 0x80, 2}, 8, 5, 7, 256, true},
    {{0x81, 1, 9}, 3, 0, 0, 9, true},
    {{0}, 0, 0, 0, 0, true},
    {{1, 0x81, 5}, 3, 5, 0, 0, false},
    {{0x81, 2, 9}, 3, 0, 0, 0, false},
    {{0x81, 3, 9, 9}, 4, 0, 0, 0, false},
    {{PUSH_CLASSES, 1, 9}, 3, 0, 0, 0, false},
    {{0xff, 1, 9}, 3, 0, 0, 0, false},
    {{1}, 1, 0, 0, 0, false},
};

START_TEST(rows_of_before_there_were_more_than_eight_figures_are_read)
{
    push_figures_t figures = {0};

    ck_assert_int_eq(push_rows_add(&figures, rows[_i].bytes, rows[_i].len),
                     rows[_i].read);
    ck_assert_uint_eq(figures.of[1][PUSH_TALLY_PUBLISHED], rows[_i].published);
    ck_assert_uint_eq(figures.of[1][PUSH_TALLY_REFUSED], rows[_i].refused);
    ck_assert_uint_eq(figures.of[1][PUSH_TALLY_FILTERED], rows[_i].filtered);
}
END_TEST

/* The longest that there is. */
START_TEST(all_figures_of_all_classes_are_written_and_read)
{
    static push_figures_t figures, again;
    static unsigned char bytes[PUSH_REPORT_ROWS];
    size_t len;

    for (unsigned i = 0; i < PUSH_CLASSES * PUSH_TALLIES; i++) {
        figures.of[i / PUSH_TALLIES][i % PUSH_TALLIES] = UINT64_MAX - i;
    }
    len = push_rows_write(&figures, bytes);
    ck_assert_uint_eq(len, sizeof(bytes));
    ck_assert(push_rows_add(&again, bytes, len));
    ck_assert_mem_eq(&again, &figures, sizeof(figures));
}
END_TEST

/* ---- minutes and days ---- */

START_TEST(a_minute_has_what_happened_between_its_closes)
{
    ck_assert(!closes_at(AT(12, 0)));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 3);
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 message* published=3");
    ck_assert(closes_at(AT(12, 1)));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 1);
    happens(PUSH_CLASS_OTHER, PUSH_TALLY_ACKED, 2);
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 message published=3; 721 other* acked=2; "
                     "721 message* published=1");
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, true),
                     "720 published=3; 721* published=1 acked=2");
}
END_TEST

START_TEST(what_happened_before_the_first_sweep_is_of_the_first_minute)
{
    happens(FIRST, PUSH_TALLY_PUBLISHED, 2);
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 message* published=2");
    closes_at(AT(12, 0));
    closes_at(AT(12, 1));
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 message published=2");
}
END_TEST

START_TEST(minutes_in_which_nothing_happened_have_no_rows)
{
    closes_at(AT(12, 0));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 1);
    for (int i = 1; i < 30; i++) {
        closes_at(AT(12, i));
    }
    happens(FIRST, PUSH_TALLY_EXPIRED, 1);
    closes_at(AT(17, 5)); /* no process ran for hours */
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 message published=1; 749 message expired=1");
}
END_TEST

START_TEST(a_day_has_the_sum_of_its_minutes)
{
    closes_at(AT(23, 58));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 1);
    closes_at(AT(23, 59));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 2);
    ck_assert_str_eq(report_of(PUSH_STEP_DAY, false),
                     "0 message* published=3");
    closes_at(AT(24, 0));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 4);
    ck_assert_str_eq(report_of(PUSH_STEP_DAY, false),
                     "0 message published=3; 1 message* published=4");
    closes_at(AT(72, 0));
    ck_assert_str_eq(report_of(PUSH_STEP_DAY, false),
                     "0 message published=3; 1 message published=4");
}
END_TEST

START_TEST(a_clock_that_is_set_back_loses_and_doubles_nothing)
{
    closes_at(AT(0, 1));
    for (int i = 0; i < 200; i++) {
        happens(FIRST, PUSH_TALLY_PUBLISHED, 1);
        closes_at(AT(0, 5) - (i * 7 % 12) * PUSH_MINUTE_MS);
        ck_assert_uint_eq(all_of(PUSH_STEP_MINUTE), (uint64_t)i + 1);
        ck_assert_uint_eq(all_of(PUSH_STEP_DAY), (uint64_t)i + 1);
    }
    report_of(PUSH_STEP_DAY, false);
    ck_assert_ptr_nonnull(strstr(told, "-1 message"));
}
END_TEST

START_TEST(what_is_older_than_reports_reach_is_not_told)
{
    closes_at(AT(12, 0));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 1);
    closes_at(AT(12, 1));
    wall = AT(36, 0) + 59999;
    ck_assert_uint_eq(all_of(PUSH_STEP_MINUTE), 1);
    closes_at(AT(36, 1));
    ck_assert_uint_eq(all_of(PUSH_STEP_MINUTE), 0);
    wall = AT(24, 0) + 90 * PUSH_DAY_MS - 1;
    ck_assert_uint_eq(all_of(PUSH_STEP_DAY), 1);
    wall++;
    ck_assert_uint_eq(all_of(PUSH_STEP_DAY), 0);
}
END_TEST

static void last_minute(void *data, const push_report_row_t *row)
{
    int64_t *seen = data;

    ck_assert_uint_eq(row->of[PUSH_TALLY_PUBLISHED], UINT32_MAX);
    ck_assert(seen[0] == 0 || row->time == seen[0]
              || row->time == seen[0] + PUSH_MINUTE_MS);
    seen[0] = row->time;
    seen[1]++;
}

/* All classes, with figures as large as they can be: the ring is too small. */
START_TEST(where_a_ring_is_full_the_oldest_go_and_none_is_half)
{
    const push_report_query_t query = {
        .step = PUSH_STEP_MINUTE, .to = INT64_MAX, .now = {.wall = AT(24, 0)}};
    int64_t seen[2] = {0};

    closes_at(AT(0, 0));
    for (int i = 1; i <= 1000; i++) {
        for (unsigned class = FIRST; class < PUSH_CLASSES; class ++) {
            happens(class, PUSH_TALLY_PUBLISHED, UINT32_MAX);
        }
        closes_at(AT(0, i));
    }
    ck_assert_int_eq(push_report_read(&g.store, &query, last_minute, seen),
                     PUSH_OK);
    ck_assert_int_eq(seen[0], AT(0, 999));
    ck_assert_int_eq(seen[1] % PUSH_CLASS_NAMES, 0);
    ck_assert_int_gt(seen[1] / PUSH_CLASS_NAMES, 50);
    ck_assert_int_lt(seen[1] / PUSH_CLASS_NAMES, 1000);
    ck_assert_uint_eq(all_of(PUSH_STEP_DAY),
                      UINT64_C(1000) * PUSH_CLASS_NAMES * UINT32_MAX);
}
END_TEST

START_TEST(a_sum_that_wraps_is_told_right)
{
    closes_at(AT(12, 0));
    happens(FIRST, PUSH_TALLY_PUBLISHED, UINT32_MAX - 2);
    closes_at(AT(12, 1));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 10);
    closes_at(AT(12, 2));
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 message published=4294967293; "
                     "721 message published=10");
}
END_TEST

START_TEST(only_the_steps_that_begin_in_the_time_asked_for_are_told)
{
    push_period_t step = PUSH_STEP_MINUTE;
    const push_report_query_t query = {.step = step,
                                       .from = AT(12, 1),
                                       .to = AT(12, 3),
                                       .now = {.wall = AT(12, 4)}};

    for (int i = 0; i < 4; i++) {
        closes_at(AT(12, i));
        happens(PUSH_CLASS_OTHER, PUSH_TALLY_REFUSED, 1);
    }
    told[0] = '\0';
    ck_assert_int_eq(push_report_read(&g.store, &query, reports_tell, &step),
                     PUSH_OK);
    ck_assert_str_eq(told, "721 other refused=1; 722 other refused=1");
}
END_TEST

/* ---- names ---- */

static unsigned class_of(const char *event)
{
    return push_class_of(&g.store.classes, named(event));
}

static void says(const char *event)
{
    push_audience_t audience = {PUSH_LOG_USER, named("ada"), 0};
    push_message_spec_t text = spec("x");
    push_receipt_t receipt;

    text.content.event = named(event);
    ck_assert_int_eq(
        store_publish(&g.store, &audience, &text, &g.now, &receipt), PUSH_OK);
}

START_TEST(what_has_no_name_is_other_and_message_names_what_has_no_type)
{
    renamed("order message");
    ck_assert_uint_eq(class_of("order"), FIRST);
    ck_assert_uint_eq(class_of(""), FIRST + 1);
    ck_assert_uint_eq(class_of("message"), FIRST + 1);
    ck_assert_uint_eq(class_of("orders"), PUSH_CLASS_OTHER);
    closes_at(AT(12, 0));
    says("order");
    says("order");
    says("");
    says("rest");
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 other* published=1; 720 order* published=2; "
                     "720 message* published=1");
}
END_TEST

static uint32_t tallied_in_all(void)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        for (unsigned j = 0; j < PUSH_CLASSES; j++) {
            sum += g.store.counted[i].by_class.of[j][PUSH_TALLY_PUBLISHED];
        }
    }
    return sum;
}

START_TEST(without_names_all_is_other_and_nothing_is_tallied)
{
    renamed("");
    ck_assert_ptr_null(g.store.heaps[0].tally);
    closes_at(AT(12, 0));
    says("order");
    says("");
    closes_at(AT(12, 1));
    says("order");
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 other published=2; 721 other* published=1");
    ck_assert_uint_eq(tallied_in_all(), 0);
}
END_TEST

START_TEST(names_that_are_put_in_and_taken_out_make_no_jump)
{
    static const char *const configurations[] = {"", "order", "", "price", ""};

    closes_at(AT(12, 0));
    for (unsigned i = 0; i < 5; i++) {
        renamed(configurations[i]);
        says("order");
        says("");
        closes_at(AT(12, 1 + (int)i));
        ck_assert_uint_eq(all_of(PUSH_STEP_MINUTE), 2 * (i + 1));
        ck_assert_uint_eq(all_of(PUSH_STEP_DAY), 2 * (i + 1));
    }
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 other published=2; 721 other published=1; "
                     "721 order published=1; 722 other published=2; "
                     "723 other published=2; 724 other published=2");
}
END_TEST

/* Who counts is between its two stores while a minute is closed. */
START_TEST(a_count_that_is_under_way_is_told_once)
{
    _Atomic uint32_t *named;

    renamed("order");
    closes_at(AT(12, 0));
    happens(PUSH_CLASS_OTHER, PUSH_TALLY_PUBLISHED, 2);
    closes_at(AT(12, 1));
    named = &g.store.counted[5].by_class.of[FIRST][PUSH_TALLY_PUBLISHED];
    push_tally_add(named, 1);
    ck_assert_uint_eq(all_of(PUSH_STEP_DAY), 3);
    closes_at(AT(12, 2));
    push_count(&g.store.counted[5].by_label, PUSH_COUNT_PUBLISHED, 1);
    happens(PUSH_CLASS_OTHER, PUSH_TALLY_PUBLISHED, 1);
    closes_at(AT(12, 3));
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 other published=2; 721 order published=1; "
                     "722 other published=1");
}
END_TEST

START_TEST(many_names_that_look_alike_are_told_apart)
{
    char list[512] = "";
    char name[16];

    for (int i = 0; i < 32; i++) {
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "a%c%dz ",
                 'a' + i % 7, i);
    }
    ck_assert_uint_eq(renamed(list).left_out, 0);
    for (int i = 0; i < 32; i++) {
        snprintf(name, sizeof(name), "a%c%dz", 'a' + i % 7, i);
        ck_assert_uint_eq(class_of(name), FIRST + (unsigned)i);
    }
    for (int i = 32; i < 1000; i++) {
        snprintf(name, sizeof(name), "a%c%dz", 'a' + i % 7, i);
        ck_assert_uint_eq(class_of(name), PUSH_CLASS_OTHER);
    }
}
END_TEST

START_TEST(a_name_that_goes_keeps_its_past_and_comes_back_to_it)
{
    renamed("a b");
    closes_at(AT(12, 0));
    says("a");
    closes_at(AT(12, 1));
    renamed("b c");
    says("a");
    says("c");
    closes_at(AT(12, 2));
    ck_assert_str_eq(report_of(PUSH_STEP_MINUTE, false),
                     "720 a published=1; 721 other published=1; "
                     "721 c published=1");
    renamed("a");
    ck_assert_uint_eq(class_of("a"), FIRST);
}
END_TEST

static void name_many(char *list, size_t size, int from, int to)
{
    list[0] = '\0';
    for (int i = from; i < to; i++) {
        snprintf(list + strlen(list), size - strlen(list), "n%d ", i);
    }
}

START_TEST(a_new_name_waits_until_a_class_has_no_past)
{
    char list[512];
    push_naming_t naming;

    name_many(list, sizeof(list), 0, 32);
    ck_assert_uint_eq(renamed(list).left_out, 0);
    closes_at(AT(12, 0));
    happens(FIRST, PUSH_TALLY_PUBLISHED, 1);
    closes_at(AT(12, 1));
    /* n0 has a past, n1 may still be counted by processes that end. */
    name_many(list, sizeof(list), 2, 34);
    naming = renamed(list);
    ck_assert_uint_eq(naming.left_out, 2);
    ck_assert_str_eq(naming.waiting, "n32");
    closes_at(AT(14, 0));
    naming = renamed(list);
    ck_assert_uint_eq(naming.left_out, 1);
    ck_assert_uint_eq(class_of("n32"), FIRST + 1);
    ck_assert_str_eq(naming.waiting, "n33");
    ck_assert_uint_eq(class_of("n33"), PUSH_CLASS_OTHER);
    closes_at(AT(36, 0) + 90 * PUSH_DAY_MS);
    ck_assert_uint_eq(renamed(list).left_out, 0);
    ck_assert_uint_eq(class_of("n33"), FIRST);
}
END_TEST

/* ---- what happens to messages ---- */

static void pass(int64_t ms)
{
    fixture_pass(&g, ms);
    atomic_store(&g.store.segment->sweep_next, 0);
    push_store_sweep_due(&g.store, &g.now);
}

/* All that was counted is of one of the names. */
static void nothing_is_other(void)
{
    push_sums_t sums;

    push_report_sums(&g.store, &sums);
    for (int i = 0; i < PUSH_TALLIES; i++) {
        /* What a stream wrote is tallied where it is written. */
        ck_assert_msg(i == PUSH_TALLY_DELIVERED
                          || !sums.of[PUSH_CLASS_OTHER][i],
                      "%s: %u", push_tally_name((push_tally_kind_t)i),
                      sums.of[PUSH_CLASS_OTHER][i]);
    }
}

static uint32_t tallied(const char *user, unsigned class,
                        push_tally_kind_t what)
{
    unsigned shard = push_store_name(&g.store, named(user)).shard;

    return g.store.counted[shard].by_class.of[class][what];
}

START_TEST(each_end_of_a_message_is_counted_by_its_type)
{
    push_stream_ref_t stream_ref;

    g.store.limits.max_pending = 2;
    renamed("a b");
    wall = g.now.wall;
    stream_ref = open_stream("ada", "d", NULL);
    says("a");
    says("a");
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=x 2=x");
    ck_assert_int_eq(fixture_ack(&g, "ada", &stream_ref, 2), PUSH_OK);
    says("b");
    says("b");
    says("b"); /* one too many */
    pass(400000000);
    nothing_is_other();
    ck_assert_uint_eq(tallied("ada", FIRST, PUSH_TALLY_ACKED), 2);
    ck_assert_uint_eq(tallied("ada", FIRST + 1, PUSH_TALLY_EVICTED), 1);
    ck_assert_uint_eq(tallied("ada", FIRST + 1, PUSH_TALLY_EXPIRED), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reports");
    TCase *bytes = unit_case(suite, "bytes", 20);
    TCase *steps = unit_case(suite, "steps", 60);
    TCase *names = unit_case(suite, "names", 60);

    tcase_add_row_test(
        bytes, rows_of_before_there_were_more_than_eight_figures_are_read,
        rows);
    tcase_add_test(bytes, all_figures_of_all_classes_are_written_and_read);
    tcase_add_checked_fixture(steps, begin_named, store_end);
    tcase_add_checked_fixture(names, begin, store_end);
    tcase_add_test(steps, a_minute_has_what_happened_between_its_closes);
    tcase_add_test(
        steps, what_happened_before_the_first_sweep_is_of_the_first_minute);
    tcase_add_test(steps, minutes_in_which_nothing_happened_have_no_rows);
    tcase_add_test(steps, a_day_has_the_sum_of_its_minutes);
    tcase_add_test(steps, a_clock_that_is_set_back_loses_and_doubles_nothing);
    tcase_add_test(steps, what_is_older_than_reports_reach_is_not_told);
    tcase_add_test(steps, where_a_ring_is_full_the_oldest_go_and_none_is_half);
    tcase_add_test(steps, a_sum_that_wraps_is_told_right);
    tcase_add_test(steps,
                   only_the_steps_that_begin_in_the_time_asked_for_are_told);
    tcase_add_test(
        names, what_has_no_name_is_other_and_message_names_what_has_no_type);
    tcase_add_test(names, without_names_all_is_other_and_nothing_is_tallied);
    tcase_add_test(names, names_that_are_put_in_and_taken_out_make_no_jump);
    tcase_add_test(names, a_count_that_is_under_way_is_told_once);
    tcase_add_test(names, many_names_that_look_alike_are_told_apart);
    tcase_add_test(names,
                   a_name_that_goes_keeps_its_past_and_comes_back_to_it);
    tcase_add_test(names, a_new_name_waits_until_a_class_has_no_past);
    tcase_add_test(names, each_end_of_a_message_is_counted_by_its_type);
    return unit_run(suite);
}
