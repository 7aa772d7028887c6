#include "codec/base64.h"
#include "codec/sse.h"
#include "core/message_texts.h"
#include "core_heap.h"
#include "core_sse.h"
#include "core_suite.h"
#include "core_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wall ms of the messages. */
#define WHEN 1700000000000

static watched_heap_t memory;
static push_ref_t made;
static push_output_t out;
static push_forms_t *forms;

static void set_up(void)
{
    watched_heap_init(&memory);
    forms = calloc(1, sizeof(*forms));
}

static void tear_down(void)
{
    free(forms);
    watched_heap_destroy(&memory);
}

/* A message of this content, as number 7. */
static push_letter_t letter_of(const push_content_t *content)
{
    push_message_spec_t spec = {.content = *content, .ttl = 1000};
    push_letter_t letter = {.seq = 7};

    made = push_message_create(&memory.heap, &spec, (uint64_t)WHEN << 22,
                               &(push_time_t){0});
    ck_assert_uint_ne(made, PUSH_NONE);
    letter.message = push_at(&memory.heap, made);
    return letter;
}

static wire_t written(push_letter_t letter, size_t first, size_t step)
{
    return wire_written(&push_codec_sse, letter, first, step);
}

static wire_t whole(const push_content_t *content)
{
    return written(letter_of(content), SIZE_MAX, SIZE_MAX);
}

#define ID_LEN (4 + 2 + PUSH_MID_CHARS + 1u)

static push_text_t bytes(const char *at, size_t len)
{
    return (push_text_t){at, (uint32_t)len};
}

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
    const char *why;
    const char *data;
    size_t len;
    const char *wire;
} rows[] = {
    {"empty", TEXT(""), "data: \n\n"},
    {"one line", TEXT("hello"), "data: hello\n\n"},
    {"LF", TEXT("a\nb"), "data: a\ndata: b\n\n"},
    {"CR", TEXT("a\rb"), "data: a\ndata: b\n\n"},
    {"CRLF is one end", TEXT("a\r\nb"), "data: a\ndata: b\n\n"},
    {"LFCR are two", TEXT("a\n\rb"), "data: a\ndata: \ndata: b\n\n"},
    {"CR at the end", TEXT("a\r"), "data: a\ndata: \n\n"},
    {"LF at the end", TEXT("a\n"), "data: a\ndata: \n\n"},
    {"CRLF at the end", TEXT("a\r\n"), "data: a\ndata: \n\n"},
    {"only a CR", TEXT("\r"), "data: \ndata: \n\n"},
    {"only an LF", TEXT("\n"), "data: \ndata: \n\n"},
    {"an empty line inside", TEXT("a\n\nb"), "data: a\ndata: \ndata: b\n\n"},
    {"a leading blank stays", TEXT(" a"), "data:  a\n\n"},
    {"a forged field", TEXT("a\nid: 9\n\nevent: x"),
     "data: a\ndata: id: 9\ndata: \ndata: event: x\n\n"},
    {"a forged field by CR", TEXT("a\rid: 9"), "data: a\ndata: id: 9\n\n"},
    {"a BOM is text", TEXT("\xef\xbb\xbf{}"), "data: \xef\xbb\xbf{}\n\n"},
    {"NUL is no text", TEXT("a\0b"), "enc: base64\ndata: YQBi\n\n"},
    {"one byte", TEXT("\xff"), "enc: base64\ndata: /w==\n\n"},
    {"two bytes", TEXT("\xff\xfe"), "enc: base64\ndata: //4=\n\n"},
    {"three bytes", TEXT("\xff\xfe\xfd"), "enc: base64\ndata: //79\n\n"},
    {"a cut sequence", TEXT("ab\xc3"), "enc: base64\ndata: YWLD\n\n"},
    {"line ends in base64", TEXT("\r\n\xff"), "enc: base64\ndata: DQr/\n\n"},
};

static void expect_fields(const wire_t *wire, const char *fields,
                          const char *why)
{
    ck_assert_uint_gt(wire->len, ID_LEN);
    ck_assert_mem_eq(wire->at, "id: 7.", 6);
    ck_assert_msg(wire->len == ID_LEN + strlen(fields)
                      && !memcmp(wire->at + ID_LEN, fields, strlen(fields)),
                  "%s: got \"%.*s\"", why, (int)wire->len, wire->at);
}

START_TEST(a_payload_is_written_as_the_row_says)
{
    push_content_t content = {.data = bytes(rows[_i].data, rows[_i].len)};
    wire_t wire = whole(&content);

    expect_fields(&wire, rows[_i].wire, rows[_i].why);
    free(wire.at);
}
END_TEST

START_TEST(what_was_published_is_kept_as_it_was)
{
    push_content_t content = {.data = bytes(rows[_i].data, rows[_i].len)};
    push_letter_t letter = letter_of(&content);
    push_text_t kept = push_message_payload(letter.message);

    ck_assert_uint_eq(kept.len, rows[_i].len);
    ck_assert(!kept.len || !memcmp(kept.at, rows[_i].data, kept.len));
}
END_TEST

START_TEST(event_type_and_receipt_stand_before_the_payload)
{
    push_content_t content = {.event = bytes(TEXT("trip.accepted")),
                              .type = bytes(TEXT("application/json")),
                              .data = bytes(TEXT("{}")),
                              .ack_now = true};
    wire_t wire = whole(&content);

    expect_fields(&wire, "event: trip.accepted\nack: now\ndata: {}\n\n", "");
    free(wire.at);
}
END_TEST

START_TEST(the_id_names_number_message_and_a_made_up_device)
{
    push_content_t content = {.data = bytes(TEXT("x"))};
    push_letter_t letter = letter_of(&content);
    char want[64];
    char mid[PUSH_MID_CHARS + 1] = {0};
    wire_t wire;

    letter.seq = UINT64_MAX;
    letter.device = bytes(TEXT("xkfiKT2Z"));
    wire = written(letter, SIZE_MAX, SIZE_MAX);
    push_mid_write(letter.message->mid, mid);
    snprintf(want, sizeof(want),
             "id: 18446744073709551615.%s.xkfiKT2Z\ndata: x\n\n", mid);
    ck_assert_uint_eq(wire.len, strlen(want));
    ck_assert_mem_eq(wire.at, want, wire.len);
    free(wire.at);
}
END_TEST

/* ---- what a client asked for beside ---- */

static const struct {
    const char *why;
    unsigned meta;
    const char *type, *channel;
    push_urgency_t urgency;
    const char *fields;
} metas[] = {
    {"nothing", 0, "a/b", "news", PUSH_HIGH, "data: x\n\n"},
    {"type", PUSH_META_TYPE, "a/b", "news", PUSH_HIGH,
     "type: a/b\ndata: x\n\n"},
    {"no type was given", PUSH_META_TYPE, "", "news", PUSH_HIGH,
     "data: x\n\n"},
    {"channel", PUSH_META_CHANNEL, "a/b", "n\xc3\xa9ws", PUSH_HIGH,
     "channel: n\xc3\xa9ws\ndata: x\n\n"},
    {"of no channel", PUSH_META_CHANNEL, "a/b", "", PUSH_HIGH, "data: x\n\n"},
    {"urgency", PUSH_META_URGENCY, "a/b", "news", PUSH_VERY_LOW,
     "urgency: very-low\ndata: x\n\n"},
    {"time", PUSH_META_TIME, "a/b", "news", PUSH_HIGH,
     "time: 1700000000000\ndata: x\n\n"},
    {"all of it",
     PUSH_META_TYPE | PUSH_META_CHANNEL | PUSH_META_URGENCY | PUSH_META_TIME,
     "a/b; c=d", "news", PUSH_NORMAL,
     "type: a/b; c=d\nchannel: news\nurgency: normal\n"
     "time: 1700000000000\ndata: x\n\n"},
};

START_TEST(who_asks_is_told_and_nobody_else)
{
    push_message_spec_t spec = {.content = {.data = bytes(TEXT("x"))},
                                .urgency = metas[_i].urgency,
                                .ttl = 1000};
    push_letter_t letter = {.seq = 7, .meta = metas[_i].meta};
    wire_t wire;

    spec.content.type = bytes(metas[_i].type, strlen(metas[_i].type));
    letter.channel = bytes(metas[_i].channel, strlen(metas[_i].channel));
    letter.message = push_at(&memory.heap,
                             push_message_create(&memory.heap, &spec,
                                                 (uint64_t)WHEN << 22,
                                                 &(push_time_t){0}));
    wire = written(letter, SIZE_MAX, SIZE_MAX);
    expect_fields(&wire, metas[_i].fields, metas[_i].why);
    free(wire.at);
}
END_TEST

/* ---- in parts ---- */

static const push_content_t *in_parts(int which)
{
    static char many[3001], binary[1000];
    static push_content_t contents[5];

    for (size_t i = 0; i < sizeof(many) - 1; i++) {
        many[i] = "\r\n\n\rab\ncdefg\r\nh"[i * i % 13];
    }
    for (size_t i = 0; i < sizeof(binary); i++) {
        binary[i] = (char)(i * 7);
    }
    contents[0] = (push_content_t){.data = bytes(TEXT(""))};
    contents[1] = (push_content_t){.event = bytes(TEXT("e")),
                                   .data = bytes(TEXT("one line"))};
    contents[2] = (push_content_t){.data = bytes(many, 400), .ack_now = true};
    contents[3] = (push_content_t){.data = bytes(binary, 301)};
    contents[4] = (push_content_t){.data = bytes(binary, 1), .ack_now = true};
    return &contents[which];
}

START_TEST(parts_of_a_message_are_the_whole_wherever_it_is_cut)
{
    const push_content_t *content = in_parts(_i);
    push_letter_t letter = letter_of(content);
    wire_t want;

    letter.device = bytes(TEXT("xkfiKT2Z"));
    letter.channel = bytes(TEXT("news"));
    letter.meta = PUSH_META_CHANNEL | PUSH_META_URGENCY;
    want = written(letter, SIZE_MAX, SIZE_MAX);
    for (size_t first = 1; first < want.len; first++) {
        for (size_t step = 1; step < want.len; step += 1 + step / 3) {
            wire_t got = written(letter, first, step);

            NEEDS(got.len == want.len && !memcmp(got.at, want.at, want.len),
                  "cut after %zu, then every %zu", first, step);
            free(got.at);
        }
    }
    free(want.at);
}
END_TEST

/* Larger than the scratch, or with more lines than an output has pieces. */
static char *large(int which, size_t len)
{
    char *data = malloc(len);

    for (size_t i = 0; i < len; i++) {
        data[i] = which == 0   ? (char)(i ^ i >> 8)
                  : which == 1 ? '\n'
                  : which == 2 ? (i % 401 == 400 ? '\r' : 'x')
                               : 'x';
    }
    return data;
}

START_TEST(a_large_message_goes_out_in_several_writes)
{
    size_t len = (size_t)1 << 20;
    char *data = large(_i, len);
    push_content_t content = {.data = bytes(data, len)};
    push_letter_t letter = letter_of(&content);
    wire_t want = written(letter, SIZE_MAX, SIZE_MAX);
    wire_t got = written(letter, 5, 9973);

    ck_assert(_i == 3 ? want.writes == 1 : want.writes > 5);
    ck_assert_uint_eq(got.len, want.len);
    for (size_t i = 0; i < want.len; i++) {
        NEEDS(got.at[i] == want.at[i], "byte %zu is another one", i);
    }
    if (_i == 0) {
        char *back = malloc(want.len);
        size_t count;

        ck_assert(push_base64_decode(want.at + ID_LEN + 18,
                                     want.len - ID_LEN - 20, back, &count));
        ck_assert_uint_eq(count, len);
        ck_assert(!memcmp(back, data, len));
        free(back);
    }
    free(got.at);
    free(want.at);
    free(data);
}
END_TEST

START_TEST(what_does_not_fit_is_left_out_and_all_behind_it)
{
    char *data = large(3, 1000);
    push_content_t content = {.data = bytes(data, 1000)};
    push_letter_t letter = letter_of(&content);
    size_t size;
    unsigned count = 0;

    push_output_begin(&out, 0);
    while (!out.cut) {
        push_codec_sse.message(&out, &letter);
        count += !out.cut;
    }
    size = out.bytes;
    ck_assert_uint_gt(count, 200);
    ck_assert_uint_le(out.count, PUSH_OUTPUT_PIECES);
    push_codec_sse.message(&out, &letter);
    push_codec_sse.beat(&out, true, 0);
    push_codec_sse.gap(&out, &(push_gap_report_t){.dropped = 1});
    ck_assert_uint_eq(out.bytes, size);
    free(data);
}
END_TEST

/* ---- forms that are kept ---- */

static void expect_same(const wire_t *want, wire_t got)
{
    ck_assert_uint_eq(got.len, want->len);
    ck_assert_mem_eq(got.at, want->at, got.len);
    free(got.at);
}

START_TEST(what_was_made_before_is_what_would_be_made_anew)
{
    push_content_t content = {.data = bytes(rows[_i].data, rows[_i].len)};
    push_letter_t letter = letter_of(&content);
    wire_t want = written(letter, SIZE_MAX, SIZE_MAX);

    letter.forms = forms;
    for (int time = 0; time < 2; time++) {
        expect_same(&want, written(letter, SIZE_MAX, SIZE_MAX));
        expect_same(&want, written(letter, 3, 1));
    }
    ck_assert_uint_eq(forms->count, (letter.message->traits
                                     & (PUSH_TRAIT_BINARY | PUSH_TRAIT_LINES))
                                        != 0);
    free(want.at);
}
END_TEST

/* The first bytes are written with forms and the rest without, or vice versa. */
static wire_t continued(push_letter_t letter, size_t first)
{
    wire_t wire = {0};

    push_output_begin(&out, 0);
    push_codec_sse.message(&out, &letter);
    wire_append(&wire, &out, first);
    letter.forms = letter.forms ? NULL : forms;
    while (wire.len < first || !wire.writes) {
        push_output_begin(&out, wire.len);
        push_codec_sse.message(&out, &letter);
        wire_append(&wire, &out, SIZE_MAX);
        wire.writes += !out.cut;
    }
    return wire;
}

START_TEST(a_message_goes_on_where_forms_come_or_go)
{
    const push_content_t *content = in_parts(_i);
    push_letter_t letter = letter_of(content);
    wire_t want = written(letter, SIZE_MAX, SIZE_MAX);

    for (size_t first = 1; first < want.len; first++) {
        letter.forms = NULL;
        expect_same(&want, continued(letter, first));
        letter.forms = forms;
        expect_same(&want, continued(letter, first));
    }
    free(want.at);
}
END_TEST

START_TEST(forms_that_are_full_stay_as_they_are_until_they_are_begun)
{
    static const unsigned sizes[] = {1, 40000};
    unsigned size = sizes[_i];
    char *at;
    unsigned count = 0;

    for (;;) {
        ck_assert_uint_eq(push_forms_find(forms, count << 12).len, 0);
        at = push_forms_add(forms, count << 12, size);
        if (!at) {
            break;
        }
        memset(at, (int)(count++ & 255), size);
    }
    ck_assert_uint_eq(count,
                      size == 1 ? PUSH_FORMS_MOST : PUSH_FORMS_BYTES / size);
    for (unsigned i = 0; i < count; i++) {
        push_text_t form = push_forms_find(forms, i << 12);

        ck_assert_uint_eq(form.len, size);
        ck_assert_uint_eq((unsigned char)form.at[size - 1], i & 255);
    }
    push_forms_begin(forms);
    ck_assert_uint_eq(push_forms_find(forms, 0).len, 0);
    ck_assert_ptr_nonnull(push_forms_add(forms, 0, PUSH_FORMS_BYTES));
    push_forms_begin(forms);
    ck_assert_uint_eq(push_forms_find(forms, 0).len, PUSH_FORMS_BYTES);
}
END_TEST

START_TEST(where_forms_have_no_room_all_is_written_all_the_same)
{
    char *data = large(_i, 30000);
    push_content_t content = {.data = bytes(data, 30000)};
    push_letter_t letter = letter_of(&content);
    wire_t want = written(letter, SIZE_MAX, SIZE_MAX);

    ck_assert_ptr_nonnull(push_forms_add(forms, 1, PUSH_FORMS_BYTES - 100));
    letter.forms = forms;
    push_output_begin(&out, 0);
    push_codec_sse.message(&out, &letter);
    ck_assert(forms->full);
    ck_assert_uint_eq(forms->count, 1);
    expect_same(&want, written(letter, SIZE_MAX, SIZE_MAX));
    ck_assert(!forms->full);
    ck_assert_uint_eq(forms->count, 1);
    ck_assert_uint_gt(push_forms_find(forms, letter.message->mid).len, 30000);
    free(want.at);
    free(data);
}
END_TEST

/* ---- what is no message ---- */

static void expect_output(const char *text)
{
    wire_t wire = {0};

    ck_assert_uint_eq(wire_append(&wire, &out, SIZE_MAX), strlen(text));
    ck_assert_mem_eq(wire.at, text, wire.len);
    ck_assert_uint_eq(out.count, 1);
    ck_assert_ptr_eq(out.pieces[0].iov_base, out.scratch);
    free(wire.at);
}

START_TEST(heartbeats_gaps_and_the_end_are_events_of_their_own)
{
    push_output_begin(&out, 0);
    push_codec_sse.beat(&out, false, 0);
    expect_output("\n");
    push_output_begin(&out, 0);
    push_codec_sse.beat(&out, true, 0);
    expect_output("event: heartbeat\ndata:\n\n");
    push_output_begin(&out, 0);
    push_codec_sse.gap(&out, &(push_gap_report_t){PUSH_GAP_STATE_LOST,
                                                  PUSH_LOW, UINT32_MAX});
    push_codec_sse.gap(&out,
                       &(push_gap_report_t){PUSH_GAP_MAILBOX, PUSH_HIGH, 1});
    expect_output("event: push.gap\ndata: {\"dropped\":4294967295,"
                  "\"reason\":\"state-lost\",\"urgency\":\"low\"}\n\n"
                  "event: push.gap\ndata: {\"dropped\":1,"
                  "\"reason\":\"mailbox\",\"urgency\":\"high\"}\n\n");
    push_output_begin(&out, 0);
    push_codec_sse.bye(&out, &(push_notice_t){"restart", 500, 20});
    expect_output("retry: 500\nevent: push.bye\n"
                  "data: {\"reason\":\"restart\",\"spread_ms\":20}\n\n");
}
END_TEST

/* ---- a reader gets what was published ---- */

/* Bytes that a careless writer trips over are as frequent as the rest. */
static size_t random_payload(dice_t *d, char *data, size_t room)
{
    static const char tricky[] = "\r\n\r\n :\0d\xef\xbb\xbf\xff\xc3\xa9";
    size_t len = dice_one_in(d, 20) ? room : dice_below(d, 40);
    uint32_t kind = dice_below(d, 3);

    for (size_t i = 0; i < len; i++) {
        switch (kind) {
        case 0:
            data[i] = "ab \r\n:"[dice_below(d, 6)];
            break;
        case 1:
            data[i] = tricky[dice_below(d, sizeof(tricky) - 1)];
            break;
        default:
            data[i] = (char)dice_below(d, 256);
        }
    }
    return len;
}

/* What line ends become: the standard hands out LF for all three. */
static size_t with_line_feeds(const char *data, size_t len, char *feeds)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\r') {
            feeds[n++] = '\n';
            i += i + 1 < len && data[i + 1] == '\n';
        }
        else {
            feeds[n++] = data[i];
        }
    }
    return n;
}

/* Twice, in one output. */
static wire_t on_the_wire(const push_content_t *content)
{
    push_letter_t letter = letter_of(content);
    wire_t wire = {0};

    push_output_begin(&out, 0);
    push_codec_sse.message(&out, &letter);
    push_codec_sse.message(&out, &letter);
    ck_assert(!out.cut);
    wire_append(&wire, &out, SIZE_MAX);
    return wire;
}

START_TEST(what_a_reader_of_the_standard_gets_is_the_payload)
{
    char data[3000];
    char expected[3000];
    dice_t d = dice((uint64_t)_i);

    for (int i = 0; i < 500; i++) {
        size_t size = random_payload(&d, data, sizeof(data));
        push_content_t content = {.data = bytes(data, size)};
        const char *want = data;
        size_t want_len = size;
        sse_event_t event;
        wire_t wire;

        if (dice_one_in(&d, 2)) {
            content.event = bytes(TEXT("a.b:c"));
            content.ack_now = true;
        }
        if (push_text_valid(data, size)) {
            want = expected;
            want_len = with_line_feeds(data, size, expected);
        }
        wire = on_the_wire(&content);
        ck_assert_int_eq(sse_read(wire.at, wire.len, &event), 2);
        ck_assert_uint_eq(strlen(event.id), 2 + PUSH_MID_CHARS);
        ck_assert_str_eq(event.event, content.ack_now ? "a.b:c" : "");
        ck_assert_str_eq(event.ack, content.ack_now ? "now" : "");
        ck_assert_uint_eq(event.data_len, want_len);
        ck_assert(!want_len || !memcmp(event.data, want, want_len));
        free(event.data);
        free(wire.at);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec");
    TCase *tc = unit_case(suite, "sse", 60);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_row_test(tc, a_payload_is_written_as_the_row_says, rows);
    tcase_add_row_test(tc, what_was_published_is_kept_as_it_was, rows);
    tcase_add_test(tc, event_type_and_receipt_stand_before_the_payload);
    tcase_add_test(tc, the_id_names_number_message_and_a_made_up_device);
    tcase_add_row_test(tc, who_asks_is_told_and_nobody_else, metas);
    tcase_add_loop_test(
        tc, parts_of_a_message_are_the_whole_wherever_it_is_cut, 0, 5);
    tcase_add_loop_test(tc, a_large_message_goes_out_in_several_writes, 0, 4);
    tcase_add_row_test(tc, what_was_made_before_is_what_would_be_made_anew,
                       rows);
    tcase_add_loop_test(tc, a_message_goes_on_where_forms_come_or_go, 0, 5);
    tcase_add_loop_test(
        tc, forms_that_are_full_stay_as_they_are_until_they_are_begun, 0, 2);
    tcase_add_loop_test(
        tc, where_forms_have_no_room_all_is_written_all_the_same, 0, 3);
    tcase_add_test(tc, what_does_not_fit_is_left_out_and_all_behind_it);
    tcase_add_test(tc, heartbeats_gaps_and_the_end_are_events_of_their_own);
    tcase_add_loop_test(tc, what_a_reader_of_the_standard_gets_is_the_payload,
                        0, 20);
    return unit_run(suite);
}
