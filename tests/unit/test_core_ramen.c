#include "codec/websocket.h"
#include "core/message_texts.h"
#include "core_heap.h"
#include "core_suite.h"
#include "core_wire.h"
#include "websocket/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What WebSocket streams look like: each message a frame of its own. */

static watched_heap_t memory;
static push_output_t out;
static push_forms_t forms;

static void set_up(void)
{
    watched_heap_init(&memory);
    forms.full = true;
    push_forms_begin(&forms);
}

static void tear_down(void)
{
    watched_heap_destroy(&memory);
}

static push_letter_t letter_of(const char *data, size_t len)
{
    const push_message_spec_t spec = {
        .content = {.event = {"e", 1}, .data = {data, (uint32_t)len}},
        .ttl = 1000};
    push_letter_t letter = {.seq = 7};
    push_ref_t made = push_message_create(&memory.heap, &spec, 1,
                                          &(push_time_t){0});

    ck_assert_uint_ne(made, PUSH_NONE);
    letter.message = push_at(&memory.heap, made);
    return letter;
}

/* The payload of the frame that the wire is; its opcode must be this. */
static push_text_t unframed(const wire_t *wire, push_opcode_t opcode)
{
    const unsigned char *at = (const unsigned char *)wire->at;
    size_t len = at[1];
    size_t head = 2;

    ck_assert_uint_eq(at[0], 0x80u | (unsigned)opcode);
    if (len >= 126) {
        size_t more = len == 126 ? 2 : 8;

        for (len = 0; head < 2 + more; head++) {
            len = len << 8 | at[head];
        }
    }
    ck_assert_uint_eq(len, wire->len - head);
    ck_assert_uint_eq(push_frame_head_size(len), head);
    return (push_text_t){wire->at + head, (uint32_t)len};
}

/* ---- what is said of a payload ---- */

#define ROW(literal) literal, sizeof(literal) - 1

static const struct {
    const char *data;
    size_t len;
    const char *member;
} rows[] = {
    {ROW("{\"a\":1}"), "\"data\":{\"a\":1}"},
    {ROW("[1, 2]"), "\"data\":[1, 2]"},
    {ROW("7"), "\"data\":7"},
    {ROW(""), "\"text\":\"\""},
    {ROW("{\"a\":1"), "\"text\":\"{\\\"a\\\":1\""},
    {ROW("two\nlines\x01"), "\"text\":\"two\\nlines\\u0001\""},
    {ROW("\xff\xfe\xfd"), "\"base64\":\"//79\""},
};

static void expect_row(push_letter_t letter, const char *member)
{
    wire_t wire = wire_written(&push_codec_ramen, letter, SIZE_MAX, SIZE_MAX);
    push_text_t text = unframed(&wire, PUSH_FRAME_TEXT);
    char mid[PUSH_MID_CHARS + 1] = {0};
    char want[300];

    push_mid_write(letter.message->mid, mid);
    snprintf(want, sizeof(want), "{\"id\":\"7.%s\",\"event\":\"e\",%s}", mid,
             member);
    ck_assert_msg(text.len == strlen(want) && !memcmp(text.at, want, text.len),
                  "%.*s, not %s", (int)text.len, text.at, want);
    free(wire.at);
}

START_TEST(a_payload_is_data_text_or_base64)
{
    push_letter_t letter = letter_of(rows[_i].data, rows[_i].len);

    expect_row(letter, rows[_i].member);
    letter.forms = &forms;
    expect_row(letter, rows[_i].member); /* it is made */
    ck_assert_uint_eq(forms.count, 1);
    expect_row(letter, rows[_i].member); /* it is found */
    ck_assert_uint_eq(forms.count, 1);
}
END_TEST

/* ---- lengths ---- */

/* Around each length at which a head grows, and what is made or not. */
START_TEST(a_head_says_how_long_its_frame_is)
{
    static const size_t around[] = {126, 1024, 65536, 32768, 300000};
    static char data[300200];
    const push_codec_t *codecs[] = {&push_codec_ramen, &push_codec_bare};

    memset(data, '1', sizeof(data));
    for (size_t len = around[_i] - 90; len < around[_i] + 90; len++) {
        for (unsigned i = 0; i < 4; i++) {
            push_letter_t letter = letter_of(data, len);
            wire_t wire;

            letter.forms = i & 1 ? &forms : NULL;
            wire = wire_written(codecs[i / 2], letter, SIZE_MAX, SIZE_MAX);
            unframed(&wire, PUSH_FRAME_TEXT);
            free(wire.at);
        }
        watched_heap_destroy(&memory);
        watched_heap_init(&memory);
        forms.full = true;
        push_forms_begin(&forms);
    }
}
END_TEST

/* ---- parts ---- */

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

static void check_parts(push_letter_t letter, const push_codec_t *codec,
                        size_t first, size_t step)
{
    wire_t want = wire_written(codec, letter, SIZE_MAX, SIZE_MAX);
    wire_t got = wire_written(codec, letter, first, step);

    NEEDS(got.len == want.len && !memcmp(got.at, want.at, want.len),
          "cut after %zu, then every %zu", first, step);
    free(want.at);
    free(got.at);
}

START_TEST(parts_of_a_message_are_the_whole_wherever_it_is_cut)
{
    char *data = payload_of(_i % 3, 200);
    push_letter_t letter = letter_of(data, 200);
    const push_codec_t *codec = _i < 3 ? &push_codec_ramen : &push_codec_bare;

    for (size_t first = 1; first < 200; first++) {
        for (size_t step = 1; step < 200; step += 1 + step / 3) {
            letter.forms = NULL;
            check_parts(letter, codec, first, step);
            letter.forms = &forms;
            check_parts(letter, codec, first, step);
        }
    }
    free(data);
}
END_TEST

START_TEST(a_large_message_goes_out_in_several_writes)
{
    size_t len = (size_t)1 << 20;
    char *data = payload_of(_i, len);
    push_letter_t letter = letter_of(data, len);

    check_parts(letter, &push_codec_ramen, 5, 9973);
    check_parts(letter, &push_codec_bare, 5, 9973);
    free(data);
}
END_TEST

/* ---- what is no message ---- */

static void expect_note(push_opcode_t opcode, const char *text)
{
    wire_t wire = {0};
    push_text_t got;

    wire_append(&wire, &out, SIZE_MAX);
    got = unframed(&wire, opcode);
    ck_assert_msg(got.len == strlen(text) && !memcmp(got.at, text, got.len),
                  "%.*s, not %s", (int)got.len, got.at, text);
    free(wire.at);
}

START_TEST(gaps_are_told_where_there_is_a_way_to)
{
    const push_gap_report_t gap = {PUSH_GAP_MAILBOX, PUSH_LOW, 12};

    push_output_begin(&out, 0);
    push_codec_ramen.gap(&out, &gap);
    expect_note(PUSH_FRAME_TEXT, "{\"gap\":{\"dropped\":12,\"reason\":"
                                 "\"mailbox\",\"urgency\":\"low\"}}");
    push_output_begin(&out, 0);
    push_codec_bare.gap(&out, &gap);
    ck_assert_uint_eq(out.bytes, 0);
}
END_TEST

START_TEST(a_heart_beats_by_pings)
{
    push_output_begin(&out, 0);
    push_codec_ramen.beat(&out, false, 0x3132333435363738);
    expect_note(PUSH_FRAME_PING, "87654321");
    push_output_begin(&out, 10);
    push_codec_ramen.beat(&out, true, 0x3132333435363738);
    expect_note(PUSH_FRAME_TEXT, "{\"beat\":true}");
    push_output_begin(&out, 0);
    push_codec_bare.beat(&out, true, 0x3132333435363738);
    expect_note(PUSH_FRAME_PING, "87654321");
}
END_TEST

static const struct {
    const char *reason;
    const char *close; /* the code, and the reason */
} ends[] = {{"restart", "\x03\xe9restart"},
            {"shutdown", "\x03\xe9shutdown"},
            {"superseded", "\x0f\xa1superseded"},
            {"disconnected", "\x0f\xa2"
                             "disconnected"},
            {"expired-token", "\x0f\xa3"
                              "expired-token"}};

START_TEST(the_end_has_a_code)
{
    const push_notice_t notice = {ends[_i].reason, 500, 20};
    char note[200];
    int len = snprintf(note, sizeof(note),
                       "{\"bye\":{\"reason\":\"%s\",\"retry_ms\":500,"
                       "\"spread_ms\":20}}",
                       ends[_i].reason);

    push_output_begin(&out, 0);
    push_codec_bare.bye(&out, &notice);
    expect_note(PUSH_FRAME_CLOSE, ends[_i].close);
    push_output_begin(&out, 2 + (size_t)len);
    push_codec_ramen.bye(&out, &notice);
    expect_note(PUSH_FRAME_CLOSE, ends[_i].close);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ramen");
    TCase *tc = unit_case(suite, "codec", 60);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_row_test(tc, a_payload_is_data_text_or_base64, rows);
    tcase_add_loop_test(tc, a_head_says_how_long_its_frame_is, 0, 5);
    tcase_add_loop_test(
        tc, parts_of_a_message_are_the_whole_wherever_it_is_cut, 0, 6);
    tcase_add_loop_test(tc, a_large_message_goes_out_in_several_writes, 0, 3);
    tcase_add_test(tc, gaps_are_told_where_there_is_a_way_to);
    tcase_add_test(tc, a_heart_beats_by_pings);
    tcase_add_row_test(tc, the_end_has_a_code, ends);
    return unit_run(suite);
}
