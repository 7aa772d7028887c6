#include <string.h>

#include "codec/base64.h"
#include "core/text.h"
#include "core/traceparent.h"
#include "core_suite.h"

#include <stdlib.h>

/* What the texts of a message may be, traces and base64. */

#define TEXT(literal) literal, sizeof(literal) - 1

/* ---- UTF-8, RFC 3629, section 4 ---- */

static const struct {
    const char *why;
    const char *data;
    size_t len;
    bool valid;
} texts[] = {
    {"nothing", TEXT(""), true},
    {"the smallest", TEXT("\x01"), true},
    {"the largest of one byte", TEXT("\x7f"), true},
    {"the smallest of two", TEXT("\xc2\x80"), true},
    {"overlong of two", TEXT("\xc0\x80"), false},
    {"overlong of two", TEXT("\xc1\xbf"), false},
    {"the largest of two", TEXT("\xdf\xbf"), true},
    {"the smallest of three", TEXT("\xe0\xa0\x80"), true},
    {"overlong of three", TEXT("\xe0\x9f\xbf"), false},
    {"before the surrogates", TEXT("\xed\x9f\xbf"), true},
    {"a surrogate", TEXT("\xed\xa0\x80"), false},
    {"the last surrogate", TEXT("\xed\xbf\xbf"), false},
    {"behind the surrogates", TEXT("\xee\x80\x80"), true},
    {"the largest of three", TEXT("\xef\xbf\xbf"), true},
    {"the smallest of four", TEXT("\xf0\x90\x80\x80"), true},
    {"overlong of four", TEXT("\xf0\x8f\xbf\xbf"), false},
    {"the largest of all", TEXT("\xf4\x8f\xbf\xbf"), true},
    {"beyond the largest", TEXT("\xf4\x90\x80\x80"), false},
    {"no lead byte", TEXT("\xf5\x80\x80\x80"), false},
    {"no lead byte", TEXT("\xfe"), false},
    {"a lonely continuation", TEXT("\x80"), false},
    {"a lead without continuation", TEXT("\xc3(("), false},
    {"a third byte missing", TEXT("\xe2\x82("), false},
    {"a fourth byte missing", TEXT("\xf0\x9f\x98("), false},
    {"cut after one of two", TEXT("\xc3"), false},
    {"cut after two of three", TEXT("\xe2\x82"), false},
    {"cut after three of four", TEXT("\xf0\x9f\x98"), false},
    {"NUL", TEXT("\0"), false},
    {"NUL at the end", TEXT("abc\0"), false},
};

START_TEST(only_utf8_without_nul_goes_as_text)
{
    char *copy = malloc(texts[_i].len + 1);

    memcpy(copy, texts[_i].data, texts[_i].len);
    ck_assert_msg(push_text_valid(copy, texts[_i].len) == texts[_i].valid,
                  "%s", texts[_i].why);
    free(copy);
}
END_TEST

/* It looks at eight bytes at a time, or at one. */
START_TEST(one_bad_byte_is_found_wherever_it_stands)
{
    static const unsigned char bad[] = {0x00, 0x80, 0xff};
    char text[27];

    for (size_t len = 1; len <= sizeof(text); len++) {
        memset(text, 'x', sizeof(text));
        ck_assert(push_text_valid(text, len));
        for (size_t i = 0; i < len; i++) {
            for (size_t j = 0; j < sizeof(bad); j++) {
                text[i] = (char)bad[j];
                ck_assert_msg(!push_text_valid(text, len),
                              "byte %02x at %zu of %zu", bad[j], i, len);
            }
            text[i] = (char)(i % 2 ? 0x7f : 0x01);
            ck_assert(push_text_valid(text, len));
        }
    }
}
END_TEST

/* ---- event types ---- */

START_TEST(an_event_type_has_only_its_few_characters)
{
    char text[PUSH_EVENT_MAX + 1];

    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        bool valid = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
                     || (c >= 'a' && c <= 'z') || c == '.' || c == '_'
                     || c == ':' || c == '-';

        ck_assert_int_eq(push_event_valid(&one, 1), valid);
    }
    memset(text, 'x', sizeof(text));
    ck_assert(push_event_valid(text, PUSH_EVENT_MAX));
    ck_assert(!push_event_valid(text, PUSH_EVENT_MAX + 1));
    ck_assert(!push_event_valid("", 0));
}
END_TEST

START_TEST(a_content_type_is_printable_and_not_too_long)
{
    char text[PUSH_TYPE_MAX + 1];

    for (int c = 0; c < 256; c++) {
        char two[2] = {'x', (char)c};

        ck_assert_int_eq(push_type_valid(two, 2), c >= 0x20 && c <= 0x7e);
    }
    memset(text, 'x', sizeof(text));
    ck_assert(push_type_valid(text, PUSH_TYPE_MAX));
    ck_assert(!push_type_valid(text, PUSH_TYPE_MAX + 1));
    ck_assert(!push_type_valid("", 0));
    ck_assert(!push_type_valid(" a", 2));
}
END_TEST

/* ---- traces, W3C Trace Context, section 3.2 ---- */

#define TRACE_ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT   "00f067aa0ba902b7"
#define ZEROES   "00000000000000000000000000000000"

/* What goes in, and what is passed on; NULL: nothing is. */
static const struct {
    const char *why, *text, *passed_on;
} traces[] = {
    {"sampled", "00-" TRACE_ID "-" PARENT "-01",
     "00-" TRACE_ID "-" PARENT "-01"},
    {"not sampled", "00-" TRACE_ID "-" PARENT "-00",
     "00-" TRACE_ID "-" PARENT "-00"},
    {"a random id", "00-" TRACE_ID "-" PARENT "-03",
     "00-" TRACE_ID "-" PARENT "-03"},
    {"flags of nobody", "00-" TRACE_ID "-" PARENT "-fd",
     "00-" TRACE_ID "-" PARENT "-01"},
    {"a later version", "cc-" TRACE_ID "-" PARENT "-01",
     "00-" TRACE_ID "-" PARENT "-01"},
    {"a later version, longer", "cc-" TRACE_ID "-" PARENT "-01-what-else",
     "00-" TRACE_ID "-" PARENT "-01"},
    {"a later version, no dash", "cc-" TRACE_ID "-" PARENT "-01.what", NULL},
    {"version 00, longer", "00-" TRACE_ID "-" PARENT "-01-what-else", NULL},
    {"the version that is none", "ff-" TRACE_ID "-" PARENT "-01", NULL},
    {"no version", TRACE_ID "-" PARENT "-01", NULL},
    {"nothing", "", NULL},
    {"two of them",
     "00-" TRACE_ID "-" PARENT "-01, 00-" TRACE_ID "-" PARENT "-01", NULL},
    {"space before", " 00-" TRACE_ID "-" PARENT "-01", NULL},
    {"no trace id", "00-" ZEROES "-" PARENT "-01", NULL},
    {"no parent id", "00-" TRACE_ID "-0000000000000000-01", NULL},
    {"upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", NULL},
    {"no digit", "00-" TRACE_ID "-" PARENT "-0x", NULL},
    {"a version of letters", "0x-" TRACE_ID "-" PARENT "-01", NULL},
    {"other separators", "00_" TRACE_ID "_" PARENT "_01", NULL},
    {"a dash too early", "00-4bf92f3577b34da6a3ce929d0e0e473-6" PARENT "-01",
     NULL},
};

START_TEST(a_trace_is_passed_on_in_version_00_or_not_taken)
{
    char trace[PUSH_TRACEPARENT_BYTES], back[PUSH_TRACEPARENT_CHARS + 1] = {0};
    size_t len = strlen(traces[_i].text);
    char *copy = malloc(len + !len);

    memcpy(copy, traces[_i].text, len);
    ck_assert_msg(push_traceparent_parse(copy, len, trace)
                      == (traces[_i].passed_on != NULL),
                  "%s", traces[_i].why);
    if (traces[_i].passed_on) {
        push_traceparent_write(trace, back);
        ck_assert_str_eq(back, traces[_i].passed_on);
    }
    free(copy);
}
END_TEST

START_TEST(a_part_of_a_trace_is_none)
{
    char trace[PUSH_TRACEPARENT_BYTES];

    for (size_t len = 0; len < PUSH_TRACEPARENT_CHARS; len++) {
        char *copy = malloc(len + !len);

        memcpy(copy, traces[0].text, len);
        ck_assert_msg(!push_traceparent_parse(copy, len, trace), "%zu", len);
        free(copy);
    }
}
END_TEST

/* ---- base64, RFC 4648, section 10 ---- */

static const struct {
    const char *bytes, *text;
} vectors[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};

START_TEST(base64_is_that_of_the_standard_and_goes_back_in_its_place)
{
    char text[16] = {0};
    size_t len = strlen(vectors[_i].bytes);
    size_t count = 99;

    ck_assert_ptr_eq(push_base64_encode(vectors[_i].bytes, len, text),
                     text + push_base64_size(len));
    ck_assert_str_eq(text, vectors[_i].text);
    ck_assert(push_base64_decode(text, strlen(text), text, &count));
    ck_assert_uint_eq(count, len);
    ck_assert(!len || !memcmp(text, vectors[_i].bytes, len));
}
END_TEST

static const char *const no_base64[] = {"Z",         "Zg",      "Zg=",  "=",
                                        "====",      "Z===",    "Zg=a", "Zm9-",
                                        "Zm9v Zm9v", "Zm9vZ=g="};

START_TEST(what_is_no_base64_is_not_taken)
{
    char back[16];
    size_t count;

    ck_assert(!push_base64_decode(no_base64[_i], strlen(no_base64[_i]), back,
                                  &count));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tc = unit_case(suite, "text", 60);

    tcase_add_row_test(
        tc, base64_is_that_of_the_standard_and_goes_back_in_its_place,
        vectors);
    tcase_add_row_test(tc, what_is_no_base64_is_not_taken, no_base64);
    tcase_add_row_test(tc, only_utf8_without_nul_goes_as_text, texts);
    tcase_add_test(tc, one_bad_byte_is_found_wherever_it_stands);
    tcase_add_test(tc, an_event_type_has_only_its_few_characters);
    tcase_add_row_test(tc, a_trace_is_passed_on_in_version_00_or_not_taken,
                       traces);
    tcase_add_test(tc, a_part_of_a_trace_is_none);
    tcase_add_test(tc, a_content_type_is_printable_and_not_too_long);
    return unit_run(suite);
}
