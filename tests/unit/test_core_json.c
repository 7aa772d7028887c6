#include "codec/json.h"
#include "codec/payload.h"
#include "core/message_texts.h"
#include "core_heap.h"
#include "core_suite.h"
#include "core_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wall ms of the messages. */
#define WHEN 1700000000000

static watched_heap_t memory;
static push_output_t out;

static void set_up(void)
{
    watched_heap_init(&memory);
}

static void tear_down(void)
{
    watched_heap_destroy(&memory);
}

static push_text_t bytes(const char *at, size_t len)
{
    return (push_text_t){at, (uint32_t)len};
}

/* A message of this spec, as number 7. */
static push_letter_t letter_of(push_message_spec_t spec)
{
    push_letter_t letter = {.seq = 7};
    push_ref_t made;

    spec.ttl = 1000;
    made = push_message_create(&memory.heap, &spec, (uint64_t)WHEN << 22,
                               &(push_time_t){0});
    ck_assert_uint_ne(made, PUSH_NONE);
    letter.message = push_at(&memory.heap, made);
    return letter;
}

static wire_t whole(push_message_spec_t spec)
{
    return wire_written(&push_codec_json, letter_of(spec), SIZE_MAX, SIZE_MAX);
}

/* It must be an object with this id, and these members behind. */
static void expect(const wire_t *wire, const char *members, const char *why)
{
    char want[512];
    char mid[PUSH_MID_CHARS + 1] = {0};

    push_mid_write((uint64_t)WHEN << 22, mid);
    snprintf(want, sizeof(want), "{\"id\":\"7.%s\",%s}", mid, members);
    ck_assert_msg(wire->len == strlen(want)
                      && !memcmp(wire->at, want, wire->len),
                  "%s: got %.*s", why, (int)wire->len, wire->at);
}

/* ---- payloads ---- */

#define ROW(literal) literal, sizeof(literal) - 1

static const struct {
    const char *why;
    const char *data;
    size_t len;
    const char *member;
} rows[] = {
    {"an object", ROW("{\"a\": [1, 2.5e3],\r\n\"b\":null}"),
     "\"data\":{\"a\": [1, 2.5e3],\r\n\"b\":null}"},
    {"a number", ROW("-0.5E+7"), "\"data\":-0.5E+7"},
    {"a string", ROW("\"\\u00e9 \\ud83d\\ude00 \\\" \xc3\xa9\""),
     "\"data\":\"\\u00e9 \\ud83d\\ude00 \\\" \xc3\xa9\""},
    {"words", ROW("[true,false,null]"), "\"data\":[true,false,null]"},
    {"nothing", ROW(""), "\"text\":\"\""},
    {"plain text", ROW("hello"), "\"text\":\"hello\""},
    {"quotes and backslashes", ROW("a\"b\\c/"), "\"text\":\"a\\\"b\\\\c/\""},
    {"controls", ROW("\b\t\n\v\f\r\x01\x1f\x7f"),
     "\"text\":\"\\b\\t\\n\\u000b\\f\\r\\u0001\\u001f\x7f\""},
    {"UTF-8", ROW("\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8"),
     "\"text\":\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8\""},
    {"space before", ROW(" 1"), "\"text\":\" 1\""},
    {"space behind", ROW("1\n"), "\"text\":\"1\\n\""},
    {"two values", ROW("1 2"), "\"text\":\"1 2\""},
    {"a member that would be forged", ROW("1,\"ack\":\"now\""),
     "\"text\":\"1,\\\"ack\\\":\\\"now\\\"\""},
    {"an end that would be forged", ROW("1}]}"), "\"text\":\"1}]}\""},
    {"a leading zero", ROW("01"), "\"text\":\"01\""},
    {"no digits behind the point", ROW("1."), "\"text\":\"1.\""},
    {"no digits in the exponent", ROW("1e"), "\"text\":\"1e\""},
    {"beyond a double", ROW("1e999"), "\"text\":\"1e999\""},
    {"beyond 64 bits", ROW("9223372036854775808"),
     "\"text\":\"9223372036854775808\""},
    {"a comma too many", ROW("[1,]"), "\"text\":\"[1,]\""},
    {"no end", ROW("{\"a\":1"), "\"text\":\"{\\\"a\\\":1\""},
    {"no name", ROW("{1:1}"), "\"text\":\"{1:1}\""},
    {"an open string", ROW("\"a"), "\"text\":\"\\\"a\""},
    {"an escape at the end", ROW("\"\\"), "\"text\":\"\\\"\\\\\""},
    {"a NUL that is escaped", ROW("\"\\u0000\""),
     "\"text\":\"\\\"\\\\u0000\\\"\""},
    {"half a pair", ROW("\"\\ud800\""), "\"text\":\"\\\"\\\\ud800\\\"\""},
    {"the other half", ROW("\"\\udc00\""), "\"text\":\"\\\"\\\\udc00\\\"\""},
    {"16 levels", ROW("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
     "\"data\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"},
    {"17 levels", ROW("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"),
     "\"text\":\"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]\""},
    {"NUL", ROW("a\0b"), "\"base64\":\"YQBi\""},
    {"no UTF-8", ROW("\xff\xfe"), "\"base64\":\"//4=\""},
};

START_TEST(a_payload_is_data_text_or_base64)
{
    push_message_spec_t spec = {
        .content.data = bytes(rows[_i].data, rows[_i].len)};
    wire_t wire = whole(spec);

    expect(&wire, rows[_i].member, rows[_i].why);
    free(wire.at);
}
END_TEST

/* ---- the other members ---- */

/* Strings of 24 characters, of which the one at place _i is tried. */
START_TEST(a_string_is_looked_at_wherever_something_stands_in_it)
{
    static const char bad[] = "\"\\\n\x1f\x01\0";
    static const char good[] = " !#[]~\x7f'";
    char *string = malloc(26);
    push_text_t text = {string, 26};

    for (size_t i = 0; i < sizeof(bad) + sizeof(good) - 2; i++) {
        bool valid = i >= sizeof(bad) - 1;

        memset(string, 'x', 26);
        string[0] = string[25] = '"';
        string[1 + _i] = valid ? good[i - (sizeof(bad) - 1)] : bad[i];
        NEEDS(push_payload_is_json(&text) == valid, "byte %zu", i);
    }
    memset(string + 1, 'x', 24);
    string[_i] = '\\';
    string[1 + _i] = 'n';
    ck_assert(push_payload_is_json(&text) == (_i > 0));
    free(string);
}
END_TEST

START_TEST(event_and_receipt_stand_before_the_payload)
{
    push_message_spec_t spec = {.content = {.event = bytes(ROW("trip.eta")),
                                            .type = bytes(ROW("text/plain")),
                                            .data = bytes(ROW("{}")),
                                            .ack_now = true}};
    wire_t wire = whole(spec);

    expect(&wire, "\"event\":\"trip.eta\",\"ack\":\"now\",\"data\":{}", "");
    free(wire.at);
}
END_TEST

START_TEST(who_asks_is_told_more)
{
    push_message_spec_t spec = {
        .content = {.type = bytes(ROW("text/plain; charset=\"utf-8\"")),
                    .data = bytes(ROW("x"))},
        .urgency = PUSH_LOW};
    push_letter_t letter = letter_of(spec);
    wire_t wire;

    letter.meta = PUSH_META_TYPE | PUSH_META_CHANNEL | PUSH_META_URGENCY
                  | PUSH_META_TIME;
    letter.channel = bytes(ROW("a \"b\\"));
    wire = wire_written(&push_codec_json, letter, SIZE_MAX, SIZE_MAX);
    expect(&wire,
           "\"type\":\"text/plain; charset=\\\"utf-8\\\"\","
           "\"channel\":\"a \\\"b\\\\\",\"urgency\":\"low\","
           "\"time\":1700000000000,\"text\":\"x\"",
           "");
    free(wire.at);
}
END_TEST

START_TEST(the_longest_names_have_room)
{
    char name[UINT8_MAX];
    push_message_spec_t spec = {.content = {.type = bytes(name, sizeof(name)),
                                            .data = bytes(ROW("1"))}};
    push_letter_t letter;
    wire_t wire;

    memset(name, '\\', sizeof(name));
    letter = letter_of(spec);
    letter.seq = UINT64_MAX;
    letter.device = letter.channel = bytes(name, sizeof(name));
    letter.meta = PUSH_META_TYPE | PUSH_META_CHANNEL | PUSH_META_URGENCY
                  | PUSH_META_TIME;
    wire = wire_written(&push_codec_json, letter, SIZE_MAX, SIZE_MAX);
    ck_assert_uint_gt(wire.len, 5 * sizeof(name));
    free(wire.at);
}
END_TEST

/* ---- in parts ---- */

static char *payload_of(int which, size_t len)
{
    char *data = malloc(len);

    for (size_t i = 0; i < len; i++) {
        data[i] = which == 0   ? (char)(i * 7)
                  : which == 1 ? "ab\"\n\x01\\ z"[i * i % 8]
                               : '1';
    }
    return data;
}

START_TEST(parts_of_a_message_are_the_whole_wherever_it_is_cut)
{
    char *data = payload_of(_i, 300);
    push_message_spec_t spec = {
        .content = {.event = bytes(ROW("e")), .data = bytes(data, 300)}};
    push_letter_t letter = letter_of(spec);
    wire_t want;

    letter.device = bytes(ROW("xkfiKT2Z"));
    want = wire_written(&push_codec_json, letter, SIZE_MAX, SIZE_MAX);
    for (size_t first = 1; first < want.len; first++) {
        for (size_t step = 1; step < want.len; step += 1 + step / 3) {
            wire_t got = wire_written(&push_codec_json, letter, first, step);

            NEEDS(got.len == want.len && !memcmp(got.at, want.at, want.len),
                  "cut after %zu, then every %zu", first, step);
            free(got.at);
        }
    }
    free(want.at);
    free(data);
}
END_TEST

START_TEST(a_large_message_goes_out_in_several_writes)
{
    size_t len = (size_t)1 << 20;
    char *data = payload_of(_i, len);
    push_message_spec_t spec = {.content.data = bytes(data, len)};
    push_letter_t letter = letter_of(spec);
    wire_t want = wire_written(&push_codec_json, letter, SIZE_MAX, SIZE_MAX);
    wire_t got = wire_written(&push_codec_json, letter, 5, 9973);

    ck_assert_uint_gt(want.writes, 5);
    ck_assert_uint_gt(want.len, len);
    ck_assert_uint_eq(got.len, want.len);
    ck_assert(!memcmp(got.at, want.at, want.len));
    free(got.at);
    free(want.at);
    free(data);
}
END_TEST

/* ---- batches ---- */

static void expect_output(const char *text)
{
    wire_t wire = {0};

    wire_append(&wire, &out, SIZE_MAX);
    ck_assert_msg(wire.len == strlen(text) && !memcmp(wire.at, text, wire.len),
                  "got %.*s", (int)wire.len, wire.at);
    free(wire.at);
}

START_TEST(a_batch_is_one_object)
{
    const push_codec_t *json = &push_codec_json;
    push_message_spec_t spec = {.content.data = bytes(ROW("1")), .ttl = 1000};
    push_letter_t letter = {.seq = 7};

    letter.message = push_at(&memory.heap,
                             push_message_create(&memory.heap, &spec, 0,
                                                 &(push_time_t){0}));
    letter.device = bytes(ROW("xkfiKT2Z"));
    push_output_begin(&out, 0);
    json->seam(&out, PUSH_SEAM_BEGIN);
    json->gap(&out, &(push_gap_report_t){PUSH_GAP_STATE_LOST, PUSH_LOW, 3});
    json->seam(&out, PUSH_SEAM_NEXT);
    json->gap(&out, &(push_gap_report_t){PUSH_GAP_MAILBOX, PUSH_HIGH, 1});
    json->seam(&out, PUSH_SEAM_MESSAGES);
    json->message(&out, &letter);
    json->seam(&out, PUSH_SEAM_NEXT);
    json->message(&out, &letter);
    json->seam(&out, PUSH_SEAM_END);
    json->batch_end(&out, &letter, true);
    expect_output("{\"gaps\":[{\"dropped\":3,\"reason\":\"state-lost\","
                  "\"urgency\":\"low\"},{\"dropped\":1,\"reason\":\"mailbox\","
                  "\"urgency\":\"high\"}],\"messages\":["
                  "{\"id\":\"7.00000000000.xkfiKT2Z\",\"data\":1},"
                  "{\"id\":\"7.00000000000.xkfiKT2Z\",\"data\":1}],"
                  "\"cursor\":\"7.00000000000.xkfiKT2Z\",\"more\":true}\n");
}
END_TEST

START_TEST(a_batch_may_be_empty_or_end_in_good_bye)
{
    const push_codec_t *json = &push_codec_json;

    push_output_begin(&out, 0);
    json->beat(&out, true, 0);
    json->seam(&out, PUSH_SEAM_BEGIN);
    json->seam(&out, PUSH_SEAM_MESSAGES);
    json->seam(&out, PUSH_SEAM_END);
    json->batch_end(&out, NULL, false);
    expect_output("\n{\"gaps\":[],\"messages\":[],\"more\":false}\n");
    push_output_begin(&out, 0);
    json->bye(&out, &(push_notice_t){"restart", 500, 20});
    expect_output("{\"gaps\":[],\"messages\":[],\"bye\":\"restart\","
                  "\"retry_ms\":500,\"spread_ms\":20,\"more\":false}\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tc = unit_case(suite, "json", 60);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_row_test(tc, a_payload_is_data_text_or_base64, rows);
    tcase_add_loop_test(
        tc, a_string_is_looked_at_wherever_something_stands_in_it, 0, 24);
    tcase_add_test(tc, event_and_receipt_stand_before_the_payload);
    tcase_add_test(tc, who_asks_is_told_more);
    tcase_add_test(tc, the_longest_names_have_room);
    tcase_add_loop_test(
        tc, parts_of_a_message_are_the_whole_wherever_it_is_cut, 0, 3);
    tcase_add_loop_test(tc, a_large_message_goes_out_in_several_writes, 0, 2);
    tcase_add_test(tc, a_batch_is_one_object);
    tcase_add_test(tc, a_batch_may_be_empty_or_end_in_good_bye);
    return unit_run(suite);
}
