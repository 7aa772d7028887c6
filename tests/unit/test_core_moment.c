#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/moment.h"
#include "core_suite.h"

/* Moments as publishers write them. */

#define NOW 1700000000123LL

static const struct {
    const char *text;
    int64_t at;
} legal[] = {{"+0", NOW},
             {"+5", NOW + 5000},
             {"+0.25", NOW + 250},
             {"+2592000", NOW + 2592000000LL},
             {"+9999999999.999", NOW + 9999999999999LL},
             {"1970-01-01T00:00:00Z", 0},
             {"1969-12-31T23:59:59Z", -1000},
             {"2026-11-30T14:00:00Z", 1796047200000LL},
             {"2026-11-30t14:00:00z", 1796047200000LL},
             {"2026-11-30T15:30:00+01:30", 1796047200000LL},
             {"2026-11-30T06:00:00-08:00", 1796047200000LL},
             {"2026-11-30T14:00:00.5Z", 1796047200500LL},
             {"2026-11-30T14:00:00.123456789Z", 1796047200123LL},
             {"2016-12-31T23:59:60Z", 1483228800000LL},
             {"2024-02-29T00:00:00Z", 1709164800000LL},
             {"2000-02-29T00:00:00Z", 951782400000LL},
             {"9999-12-31T23:59:59Z", 253402300799000LL}};

static const char *const illegal[] = {"",
                                      "+",
                                      "5",
                                      "-5",
                                      "+-5",
                                      "+5s",
                                      "+ 5",
                                      "+5.",
                                      "+.5",
                                      "+1.2345",
                                      "+12345678901",
                                      "now",
                                      "2026-11-30",
                                      "2026-11-30T14:00Z",
                                      "2026-11-30T14:00:00",
                                      "2026-11-30 14:00:00Z",
                                      "2026-11-30T14:00:00.Z",
                                      "2026-11-30T14:00:00.1234567890Z",
                                      "2026-11-30T14:00:00Z ",
                                      "2026-11-30T24:00:00Z",
                                      "2026-11-30T14:60:00Z",
                                      "2026-11-30T14:00:61Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-11-31T00:00:00Z",
                                      "2026-11-00T00:00:00Z",
                                      "2025-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "2026-11-30T14:00:00+24:00",
                                      "2026-11-30T14:00:00+01:60",
                                      "2026-11-30T14:00:00+0130",
                                      "26-11-30T14:00:00Z",
                                      "2026-1-30T14:00:00Z"};

START_TEST(a_moment_is_a_time_or_seconds_from_now)
{
    int64_t at = -1;

    ck_assert_msg(push_moment_parse(legal[_i].text, strlen(legal[_i].text),
                                    NOW, &at),
                  "%s", legal[_i].text);
    ck_assert_msg(at == legal[_i].at, "%s is %lld", legal[_i].text,
                  (long long)at);
}
END_TEST

START_TEST(anything_else_is_none)
{
    int64_t at;

    ck_assert_msg(!push_moment_parse(illegal[_i], strlen(illegal[_i]), NOW,
                                     &at),
                  "%s", illegal[_i]);
}
END_TEST

/* The C library's own calendar agrees, on every day of 400 years. */
START_TEST(the_calendar_is_right_for_400_years)
{
    for (int64_t day = 0; day < 146097; day++) {
        time_t seconds = (time_t)(day * 86400 + 43210);
        char text[32];
        struct tm tm;
        int64_t at;

        gmtime_r(&seconds, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
        ck_assert_msg(push_moment_parse(text, strlen(text), NOW, &at), "%s",
                      text);
        ck_assert_msg(at == (int64_t)seconds * 1000, "%s", text);
    }
}
END_TEST

static const struct {
    int64_t at;
    const char *text;
} written[] = {{0, "1970-01-01T00:00:00.000Z"},
               {951782399999, "2000-02-28T23:59:59.999Z"},
               {951782400000, "2000-02-29T00:00:00.000Z"},
               {1735689599001, "2024-12-31T23:59:59.001Z"},
               {1735689600000, "2025-01-01T00:00:00.000Z"},
               {253402300799999, "9999-12-31T23:59:59.999Z"}};

START_TEST(a_moment_is_written_as_a_time)
{
    char text[PUSH_MOMENT_CHARS + 1];

    push_moment_write(written[_i].at, text);
    ck_assert_str_eq(text, written[_i].text);
}
END_TEST

/* A time every 5 days, 5 hours, 7 minutes and 11.013 s. */
START_TEST(what_is_written_is_read_as_it_was)
{
    for (int64_t at = 0; at < 146097LL * 86400000; at += 450431013) {
        char text[PUSH_MOMENT_CHARS + 1];
        int64_t read;

        push_moment_write(at, text);
        ck_assert_msg(push_moment_read(text, strlen(text), &read)
                          && read == at,
                      "%s", text);
    }
}
END_TEST

START_TEST(seconds_from_now_are_no_time)
{
    int64_t at;

    ck_assert(!push_moment_read("+5", 2, &at));
}
END_TEST

/* ---- spans ---- */

static const struct {
    const char *text, *unit;
    int64_t ms;
} spans[] = {{"0", "s", 0},
             {"7", "s", 7000},
             {"7", "ms", 7},
             {"1500ms", "s", 1500},
             {"2s", "ms", 2000},
             {"5m", "s", 300000},
             {"5min", "s", 300000},
             {"5M", "s", 300000},
             {"3h", "ms", 10800000},
             {"365d", "s", 31536000000LL},
             {"106751991167d", "s", 9223372036828800000LL}};

START_TEST(a_span_has_a_unit_or_the_one_of_its_place)
{
    int64_t ms;

    ck_assert_msg(push_span_read(spans[_i].text, spans[_i].unit, &ms), "%s",
                  spans[_i].text);
    ck_assert_int_eq(ms, spans[_i].ms);
}
END_TEST

static const char *const no_spans[] = {"",     "s",     "-1",
                                       "+1",   "1.5s",  " 1",
                                       "1 s",  "1mi",   "1sec",
                                       "5ms ", "1m30s", "99999999999999999999",
                                       "0x1s", "1w",    "106751991168d"};

START_TEST(anything_else_is_no_span)
{
    int64_t ms;

    ck_assert_msg(!push_span_read(no_spans[_i], "s", &ms), "%s", no_spans[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("moments");
    TCase *tc = unit_case(suite, "moment", 30);

    tcase_add_row_test(tc, a_moment_is_a_time_or_seconds_from_now, legal);
    tcase_add_row_test(tc, anything_else_is_none, illegal);
    tcase_add_test(tc, the_calendar_is_right_for_400_years);
    tcase_add_row_test(tc, a_moment_is_written_as_a_time, written);
    tcase_add_test(tc, what_is_written_is_read_as_it_was);
    tcase_add_test(tc, seconds_from_now_are_no_time);
    tc = unit_case(suite, "span", 30);
    tcase_add_row_test(tc, a_span_has_a_unit_or_the_one_of_its_place, spans);
    tcase_add_row_test(tc, anything_else_is_no_span, no_spans);
    return unit_run(suite);
}
