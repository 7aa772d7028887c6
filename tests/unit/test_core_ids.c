#include "core/ids.h"
#include "core_suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS 1790000000000

/* ---- mids ---- */

START_TEST(mids_rise_within_one_millisecond_and_beyond_its_count)
{
    push_mid_clock_t clock = 0;
    uint64_t last = 0;

    for (int i = 0; i < 5000; i++) {
        uint64_t mid = push_mid_next(&clock, NOW_MS, (unsigned)i % 64, 7);

        ck_assert_uint_gt(mid, last);
        last = mid;
    }
    ck_assert_int_eq(push_mid_ms(last), NOW_MS + 4);
}
END_TEST

START_TEST(a_mid_tells_its_moment_and_its_shard)
{
    push_mid_clock_t clock = 0;
    uint64_t mid = push_mid_next(&clock, NOW_MS, 42, 63);

    ck_assert_int_eq(push_mid_ms(mid), NOW_MS);
    ck_assert_uint_eq(push_mid_shard(mid), 42);
    ck_assert_uint_eq(mid % 64, 63);
}
END_TEST

START_TEST(mids_rise_although_the_clock_is_set_back_a_day)
{
    push_mid_clock_t clock = 0;
    uint64_t before = push_mid_next(&clock, NOW_MS, 1, 1);
    uint64_t after = push_mid_next(&clock, NOW_MS - 86400000, 1, 1);
    uint64_t later;

    ck_assert_uint_gt(after, before);
    ck_assert_int_eq(push_mid_ms(after), NOW_MS);
    later = push_mid_next(&clock, NOW_MS + 5, 1, 1);
    ck_assert_uint_gt(later, after);
    ck_assert_int_eq(push_mid_ms(later), NOW_MS + 5);
}
END_TEST

START_TEST(the_mid_of_now_parts_the_mids_taken_before_from_those_after)
{
    push_mid_clock_t clock = 0;
    uint64_t before = push_mid_next(&clock, NOW_MS, 63, 5);
    uint64_t now = push_mid_now(&clock);
    uint64_t after = push_mid_next(&clock, NOW_MS, 0, 0);

    ck_assert_uint_lt(before, now);
    ck_assert_uint_lt(now, after);
}
END_TEST

#define THREADS 4
#define TAKEN   20000

typedef struct {
    push_mid_clock_t *clock;
    uint64_t mids[TAKEN];
} taker_t;

static void *take_mids(void *data)
{
    taker_t *taker = data;

    for (int i = 0; i < TAKEN; i++) {
        taker->mids[i] = push_mid_next(taker->clock, NOW_MS + i / 1000, 3, 0);
    }
    return NULL;
}

static int compare_mids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

START_TEST(threads_that_take_mids_at_once_never_get_the_same)
{
    taker_t *takers = calloc(THREADS, sizeof(*takers));
    uint64_t *all = malloc(sizeof(uint64_t) * THREADS * TAKEN);
    push_mid_clock_t clock = 0;
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        takers[i].clock = &clock;
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, take_mids, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        for (int j = 1; j < TAKEN; j++) {
            NEEDS(takers[i].mids[j - 1] < takers[i].mids[j], "out of order");
        }
        memcpy(all + (size_t)i * TAKEN, takers[i].mids,
               sizeof(takers[i].mids));
    }
    qsort(all, THREADS * TAKEN, sizeof(*all), compare_mids);
    for (int i = 1; i < THREADS * TAKEN; i++) {
        NEEDS(all[i - 1] != all[i], "a mid was taken twice");
    }
    free(all);
    free(takers);
}
END_TEST

/* ---- as text ---- */

START_TEST(every_mid_comes_back_from_its_text)
{
    static const uint64_t edges[] = {
        0, 1, 61, 62, 63, UINT64_MAX, UINT64_MAX - 1, (uint64_t)NOW_MS << 22};
    dice_t d = dice(1);

    for (int i = 0; i < 5000; i++) {
        uint64_t mid = i < 8 ? edges[i] : dice_next(&d) >> dice_below(&d, 64);
        char text[PUSH_MID_CHARS];
        uint64_t back;

        push_mid_write(mid, text);
        NEEDS(push_mid_parse(text, sizeof(text), &back), "refused");
        NEEDS(back == mid, "%lu became another", (unsigned long)mid);
    }
}
END_TEST

START_TEST(the_text_of_mids_sorts_like_the_mids)
{
    dice_t d = dice(2);

    for (int i = 0; i < 5000; i++) {
        uint64_t a = dice_next(&d);
        uint64_t b = dice_one_in(&d, 2) ? a + 1 + dice_below(&d, 99)
                                        : dice_next(&d);
        char text_a[PUSH_MID_CHARS];
        char text_b[PUSH_MID_CHARS];
        int order;

        push_mid_write(a, text_a);
        push_mid_write(b, text_b);
        order = memcmp(text_a, text_b, PUSH_MID_CHARS);
        NEEDS((order < 0) == (a < b) && (order > 0) == (a > b), "unsorted");
    }
}
END_TEST

static const struct {
    const char *text;
    const char *why;
} no_mids[] = {
    {"", "nothing"},
    {"0000000000", "10 characters"},
    {"000000000000", "12 characters"},
    {"0000000000-", "not of base62"},
    {"0000000000_", "not of base62"},
    {" 0000000000", "a blank"},
    {"0000000000\n", "a line feed"},
    {"LygHa16AHYG", "2^64, one too many"},
    {"zzzzzzzzzzz", "far beyond 64 bits"},
    {"0000\xc3\xa9"
     "00000",
     "not ASCII"},
};

START_TEST(what_is_no_mid_is_refused)
{
    uint64_t mid;

    ck_assert_msg(!push_mid_parse(no_mids[_i].text, strlen(no_mids[_i].text),
                                  &mid),
                  "%s", no_mids[_i].why);
}
END_TEST

START_TEST(a_mid_with_a_nul_is_refused)
{
    uint64_t mid;

    ck_assert(!push_mid_parse("00000\00000000", PUSH_MID_CHARS, &mid));
}
END_TEST

START_TEST(the_largest_mid_is_the_last_that_is_taken)
{
    uint64_t mid;

    ck_assert(push_mid_parse("LygHa16AHYF", PUSH_MID_CHARS, &mid));
    ck_assert_uint_eq(mid, UINT64_MAX);
}
END_TEST

/* ---- cursors ---- */

static const struct {
    const char *text;
    uint64_t seq;
    const char *mid; /* NULL: none */
    const char *device;
} cursors[] = {
    {"0", 0, NULL, ""},
    {"17", 17, NULL, ""},
    {"0017", 17, NULL, ""},
    {"2147483648", 2147483648u, NULL, ""},
    {"9007199254740993", 9007199254740993u, NULL, ""},
    {"9223372036854775807", INT64_MAX, NULL, ""},
    {"17.0hZk3x9Qa2B", 17, "0hZk3x9Qa2B", ""},
    {"17.0hZk3x9Qa2B.x7Kq2m", 17, "0hZk3x9Qa2B", "x7Kq2m"},
    {"1.00000000000.a.b~c_d-e", 1, "00000000000", "a.b~c_d-e"},
    {"1.00000000000..", 1, "00000000000", "."},
};

START_TEST(the_three_forms_of_a_cursor_are_understood)
{
    push_cursor_t at;
    uint64_t mid = 0;

    ck_assert(
        push_cursor_parse(cursors[_i].text, strlen(cursors[_i].text), &at));
    ck_assert_uint_eq(at.seq, cursors[_i].seq);
    ck_assert_int_eq(at.has_mid, cursors[_i].mid != NULL);
    if (cursors[_i].mid) {
        ck_assert(push_mid_parse(cursors[_i].mid, PUSH_MID_CHARS, &mid));
    }
    ck_assert_uint_eq(at.mid, mid);
    ck_assert_str_eq(at.device, cursors[_i].device);
}
END_TEST

static const char *const no_cursors[] = {
    "",
    ".",
    "..",
    "-1",
    "+1",
    " 1",
    "1 ",
    "1\n",
    "0x1",
    "1e3",
    "a",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999",
    "1.",
    "1..",
    "1.0",
    "1.0hZk3x9Qa2",
    "1.0hZk3x9Qa2B7",
    "1.0hZk3x9Qa2!",
    ".0hZk3x9Qa2B",
    "1.0hZk3x9Qa2B.",
    "1.0hZk3x9Qa2B. ",
    "1.0hZk3x9Qa2B.x/y",
    "1.0hZk3x9Qa2B.x\ny",
    "1.0hZk3x9Qa2B.x\xc3\xa9",
    "1,0hZk3x9Qa2B",
    "1.zzzzzzzzzzz",
};

START_TEST(what_is_no_cursor_is_refused)
{
    push_cursor_t at;

    ck_assert_msg(!push_cursor_parse(no_cursors[_i], strlen(no_cursors[_i]),
                                     &at),
                  "%s", no_cursors[_i]);
}
END_TEST

START_TEST(the_device_of_a_cursor_has_at_most_128_characters)
{
    char text[14 + PUSH_DEVICE_MAX + 2] = "1.00000000000.";
    push_cursor_t at;

    memset(text + 14, 'x', PUSH_DEVICE_MAX + 1);
    ck_assert(push_cursor_parse(text, 14 + PUSH_DEVICE_MAX, &at));
    ck_assert_uint_eq(strlen(at.device), PUSH_DEVICE_MAX);
    ck_assert(!push_cursor_parse(text, 14 + PUSH_DEVICE_MAX + 1, &at));
}
END_TEST

START_TEST(no_cut_of_a_cursor_reads_beyond_its_end)
{
    static const char whole[] = "17.0hZk3x9Qa2B.x7Kq2m";

    for (size_t len = 0; len < sizeof(whole); len++) {
        char *text = malloc(len + 1);
        push_cursor_t at;
        bool valid;

        memcpy(text, whole, len);
        text[len] = '.';
        valid = push_cursor_parse(text, len, &at);
        ck_assert_int_eq(valid, len == 1 || len == 2 || len == 14
                                    || (len > 15 && len < sizeof(whole)));
        free(text);
    }
}
END_TEST

/* ---- names of devices and contexts ---- */

START_TEST(a_device_id_has_only_unreserved_characters)
{
    for (int c = 0; c < 256; c++) {
        char text = (char)c;
        bool valid = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                     || (c >= 'a' && c <= 'z') || c == '.' || c == '_'
                     || c == '~' || c == '-';

        ck_assert_int_eq(push_device_valid(&text, 1), valid);
    }
    ck_assert(!push_device_valid("", 0));
}
END_TEST

START_TEST(a_device_id_that_is_made_up_is_a_valid_one)
{
    unsigned char random[PUSH_MADE_UP_CHARS];
    char text[PUSH_MADE_UP_CHARS + 1];
    dice_t d = dice(3);

    for (int i = 0; i < 1000; i++) {
        for (size_t j = 0; j < sizeof(random); j++) {
            random[j] = (unsigned char)dice_below(&d, 256);
        }
        push_device_make_up(random, text);
        ck_assert_uint_eq(strlen(text), PUSH_MADE_UP_CHARS);
        ck_assert(push_device_valid(text, PUSH_MADE_UP_CHARS));
    }
}
END_TEST

START_TEST(every_context_id_comes_back_from_its_text)
{
    dice_t d = dice(4);

    for (int i = 0; i < 1000; i++) {
        unsigned char id[PUSH_CONTEXT_BYTES];
        unsigned char back[PUSH_CONTEXT_BYTES];
        char text[PUSH_CONTEXT_CHARS];

        for (size_t j = 0; j < sizeof(id); j++) {
            id[j] = (unsigned char)dice_below(&d, 256);
        }
        push_context_write(id, text);
        ck_assert(push_context_parse(text, sizeof(text), back));
        ck_assert_mem_eq(id, back, sizeof(id));
    }
}
END_TEST

static const char *const no_contexts[] = {
    "",
    "AAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAA=",
    "AAAAAAAAAAAAAAAAAAAA+A",
    "AAAAAAAAAAAAAAAAAAAA/A",
    "AAAAAAAAAAAAAAAAAAAAAB",
    "AAAAAAAAAAAAAAAAAAAAAP",
};

START_TEST(what_is_no_context_id_is_refused)
{
    unsigned char id[PUSH_CONTEXT_BYTES];

    ck_assert_msg(!push_context_parse(no_contexts[_i], strlen(no_contexts[_i]),
                                      id),
                  "%s", no_contexts[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ids");
    TCase *mids = unit_case(suite, "mids", 60);
    TCase *texts = unit_case(suite, "texts", 60);

    tcase_add_test(mids,
                   mids_rise_within_one_millisecond_and_beyond_its_count);
    tcase_add_test(mids, a_mid_tells_its_moment_and_its_shard);
    tcase_add_test(mids, mids_rise_although_the_clock_is_set_back_a_day);
    tcase_add_test(
        mids, the_mid_of_now_parts_the_mids_taken_before_from_those_after);
    tcase_add_test(mids, threads_that_take_mids_at_once_never_get_the_same);
    tcase_add_test(texts, every_mid_comes_back_from_its_text);
    tcase_add_test(texts, the_text_of_mids_sorts_like_the_mids);
    tcase_add_row_test(texts, what_is_no_mid_is_refused, no_mids);
    tcase_add_test(texts, a_mid_with_a_nul_is_refused);
    tcase_add_test(texts, the_largest_mid_is_the_last_that_is_taken);
    tcase_add_row_test(texts, the_three_forms_of_a_cursor_are_understood,
                       cursors);
    tcase_add_row_test(texts, what_is_no_cursor_is_refused, no_cursors);
    tcase_add_test(texts, the_device_of_a_cursor_has_at_most_128_characters);
    tcase_add_test(texts, no_cut_of_a_cursor_reads_beyond_its_end);
    tcase_add_test(texts, a_device_id_has_only_unreserved_characters);
    tcase_add_test(texts, a_device_id_that_is_made_up_is_a_valid_one);
    tcase_add_test(texts, every_context_id_comes_back_from_its_text);
    tcase_add_row_test(texts, what_is_no_context_id_is_refused, no_contexts);
    return unit_run(suite);
}
