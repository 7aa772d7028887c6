#include "codec/protobuf.h"
#include "core/message_texts.h"
#include "core/traceparent.h"
#include "core_heap.h"
#include "core_suite.h"
#include "core_wire.h"
#include "protobuf/from_device.h"
#include "protobuf/wire.h"
#include "websocket/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Protocol Buffers: fields, what streams look like, what devices say. */

#define BYTES(literal) literal, sizeof(literal) - 1

/* ---- fields ---- */

START_TEST(numbers_come_back)
{
    static const uint64_t numbers[] = {
        1, 127, 128, 16383, 16384, UINT32_MAX, 1ull << 63, UINT64_MAX, 300};
    uint64_t number = numbers[_i];
    char bytes[64];
    char *end = push_wire_number(bytes, 1, number);
    push_fields_t fields;
    push_field_t field;

    ck_assert_uint_eq((size_t)(end - bytes),
                      1 + push_wire_varint_size(number));
    end = push_wire_fixed64(end, 99, number);
    end = push_wire_text(end, 15, &(push_text_t){BYTES("abc")});
    fields = push_fields_of(bytes, (size_t)(end - bytes));
    ck_assert(push_fields_next(&fields, &field));
    ck_assert_uint_eq(field.number, 1);
    ck_assert_uint_eq(field.value, number);
    ck_assert(push_fields_next(&fields, &field));
    ck_assert_uint_eq(field.number, 99);
    ck_assert_int_eq(field.type, PUSH_WIRE_FIXED64);
    ck_assert_uint_eq(field.value, number);
    ck_assert(push_fields_next(&fields, &field));
    ck_assert_uint_eq(field.number, 15);
    ck_assert(field.text.len == 3 && !memcmp(field.text.at, "abc", 3));
    ck_assert(!push_fields_next(&fields, &field));
    ck_assert(!fields.broken);
}
END_TEST

START_TEST(what_is_the_usual_value_is_left_out)
{
    char bytes[16];

    ck_assert_ptr_eq(push_wire_number(bytes, 1, 0), bytes);
    ck_assert_ptr_eq(push_wire_text(bytes, 1, &(push_text_t){NULL, 0}), bytes);
}
END_TEST

static const struct {
    const char *why;
    const char *bytes;
    size_t len;
} broken[] = {
    {"a key that does not end", BYTES("\x80")},
    {"a varint that does not end", BYTES("\x08\xff")},
    {"one of eleven bytes",
     BYTES("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")},
    {"field 0", BYTES("\x00\x01")},
    {"a field above 2^29", BYTES("\x80\x80\x80\x80\x10\x01")},
    {"a group begins", BYTES("\x0b")},
    {"a group ends", BYTES("\x0c")},
    {"type 6", BYTES("\x0e\x01")},
    {"fewer bytes than said", BYTES("\x0a\x04"
                                    "abc")},
    {"a length of 2^64 - 1",
     BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
           "abc")},
    {"half a number of 64 bits", BYTES("\x09\x01\x02\x03\x04\x05\x06\x07")},
    {"half a number of 32 bits", BYTES("\x0d\x01\x02\x03")},
};

START_TEST(what_is_no_field_breaks_off)
{
    push_fields_t fields = push_fields_of(broken[_i].bytes, broken[_i].len);
    push_field_t field;

    ck_assert_msg(!push_fields_next(&fields, &field), "%s", broken[_i].why);
    ck_assert_msg(fields.broken, "%s", broken[_i].why);
    ck_assert(!push_fields_next(&fields, &field));
}
END_TEST

/* ---- what devices say ---- */

#define MID "\x08\x07\x06\x05\x04\x03\x02\x01"

static const struct {
    const char *why;
    const char *bytes;
    size_t len;
    const char *problem; /* NULL: it is an acknowledgement */
    uint64_t seq, mid;
} said[] = {
    {"seq", BYTES("\x12\x02\x08\x07"), NULL, 7, 0},
    {"seq and mid", BYTES("\x12\x0b\x08\x07\x11" MID), NULL, 7,
     0x0102030405060708},
    {"mid before seq", BYTES("\x12\x0b\x11" MID "\x08\x07"), NULL, 7,
     0x0102030405060708},
    {"a seq of two bytes", BYTES("\x12\x03\x08\xac\x02"), NULL, 300, 0},
    {"the last seq counts", BYTES("\x12\x04\x08\x07\x08\x09"), NULL, 9, 0},
    {"and the last Ack", BYTES("\x12\x02\x08\x07\x12\x02\x08\x09"), NULL, 9,
     0},
    {"what is not known is skipped",
     BYTES("\x7d\x01\x02\x03\x04\x12\x04\x20\x05\x08\x07\xfa\x01\x01x"), NULL,
     7, 0},
    {"nothing", BYTES(""), "one is: ack", 0, 0},
    {"another member", BYTES("\x0a\x02\x08\x07"), "one is: ack", 0, 0},
    {"ack as a number", BYTES("\x10\x07"), "one is: ack", 0, 0},
    {"no seq", BYTES("\x12\x00"), "seq, a number from 1 on", 0, 0},
    {"seq 0", BYTES("\x12\x02\x08\x00"), "seq, a number from 1 on", 0, 0},
    {"seq as bytes", BYTES("\x12\x02\x0a\x00"), "seq, a number from 1 on", 0,
     0},
    {"an Ack that is none", BYTES("\x12\x01\x08"), "a message Ack", 0, 0},
    {"no FromDevice", BYTES("\x12\x05\x08\x07"), "a FromDevice", 0, 0},
    {"JSON", BYTES("{\"ack\":\"1\"}"), "a FromDevice", 0, 0},
};

START_TEST(a_device_acknowledges)
{
    push_from_device_t got;
    const char *problem = push_from_device_read(said[_i].bytes, said[_i].len,
                                                &got);

    if (said[_i].problem) {
        ck_assert_msg(problem && strstr(problem, said[_i].problem), "%s: %s",
                      said[_i].why, problem);
        ck_assert_uint_le(strlen(problem), 123);
        return;
    }
    ck_assert_msg(!problem, "%s: %s", said[_i].why, problem);
    ck_assert_uint_eq(got.ack.seq, said[_i].seq);
    ck_assert_uint_eq(got.ack.mid, said[_i].mid);
    ck_assert_int_eq(got.ack.has_mid, said[_i].mid != 0);
}
END_TEST

/* ---- streams ---- */

static watched_heap_t memory;
static push_output_t out;

static void set_up(void)
{
    watched_heap_init(&memory);
    push_output_begin(&out, 0);
}

static void tear_down(void)
{
    watched_heap_destroy(&memory);
}

static push_letter_t letter_of(const push_content_t *content)
{
    const push_message_spec_t spec = {
        .content = *content, .urgency = PUSH_HIGH, .ttl = 1000};
    push_letter_t letter = {.seq = 300};
    push_ref_t made = push_message_create(
        &memory.heap, &spec, 0x0102030405060708, &(push_time_t){0});

    ck_assert_uint_ne(made, PUSH_NONE);
    letter.message = push_at(&memory.heap, made);
    return letter;
}

/* What the binary frame at *at holds; moves behind it. */
static push_text_t unframed(const char **at, const char *end)
{
    const unsigned char *bytes = (const unsigned char *)*at;
    size_t len = bytes[1];
    size_t head = 2;

    ck_assert_uint_eq(bytes[0], 0x80u | PUSH_FRAME_BINARY);
    if (len >= 126) {
        size_t more = len == 126 ? 2 : 8;

        for (len = 0; head < 2 + more; head++) {
            len = len << 8 | bytes[head];
        }
    }
    *at += head + len;
    ck_assert(*at <= end);
    return (push_text_t){(const char *)bytes + head, (uint32_t)len};
}

/* The one member of a ToDevice. */
static push_fields_t member_of(push_text_t message, unsigned number)
{
    push_fields_t fields = push_fields_of(message.at, message.len);
    push_field_t field;

    ck_assert(push_fields_next(&fields, &field));
    ck_assert_uint_eq(field.number, number);
    ck_assert_int_eq(field.type, PUSH_WIRE_BYTES);
    ck_assert_ptr_eq(fields.at, fields.end);
    return push_fields_of(field.text.at, field.text.len);
}

static void expect_number(push_fields_t *fields, unsigned number,
                          uint64_t value)
{
    push_field_t field;

    ck_assert_msg(push_fields_next(fields, &field), "no field %u", number);
    ck_assert_uint_eq(field.number, number);
    ck_assert_uint_eq(field.value, value);
}

static void expect_text(push_fields_t *fields, unsigned number,
                        const char *text, size_t len)
{
    push_field_t field;

    ck_assert_msg(push_fields_next(fields, &field), "no field %u", number);
    ck_assert_uint_eq(field.number, number);
    ck_assert_uint_eq(field.text.len, len);
    ck_assert(!len || !memcmp(field.text.at, text, len));
}

static void expect_end(push_fields_t *fields)
{
    push_field_t field;

    ck_assert(!push_fields_next(fields, &field));
    ck_assert(!fields->broken);
}

static push_fields_t written(push_letter_t letter, size_t step, wire_t *wire)
{
    const char *at;
    push_text_t message;

    *wire = wire_written(&push_codec_protobuf, letter, step, step);
    at = wire->at;
    message = unframed(&at, wire->at + wire->len);
    ck_assert_ptr_eq(at, wire->at + wire->len);
    return member_of(message, 2);
}

/* Around each length at which a head grows, and what is copied or lent. */
START_TEST(a_message_says_how_long_it_is)
{
    static const size_t around[] = {0, 126, 1024, 16384, 65536, 300000};
    static char data[300200];
    size_t from = around[_i] > 150 ? around[_i] - 150 : 0;

    memset(data, '\xff', sizeof(data));
    for (size_t len = from; len < around[_i] + 150; len++) {
        push_content_t content = {.data = {data, (uint32_t)len}};
        push_letter_t letter = letter_of(&content);
        wire_t wire;
        push_fields_t fields = written(letter, len % 2 ? SIZE_MAX : 9973,
                                       &wire);

        expect_number(&fields, 1, 300);
        expect_number(&fields, 2, 0x0102030405060708);
        expect_text(&fields, 15, data, len);
        expect_end(&fields);
        free(wire.at);
        watched_heap_destroy(&memory);
        watched_heap_init(&memory);
    }
}
END_TEST

START_TEST(a_message_has_what_was_asked_for)
{
    char name[256], trace[PUSH_TRACEPARENT_CHARS];
    static const char traced[PUSH_TRACEPARENT_BYTES] = {1, 2, 3};
    push_content_t content = {.event = {name, PUSH_EVENT_MAX},
                              .type = {name, 200},
                              .trace = {traced, sizeof(traced)},
                              .data = {BYTES("{}")}};
    push_letter_t letter;
    push_fields_t fields;
    wire_t wire;

    memset(name, 'n', sizeof(name));
    letter = letter_of(&content);
    letter.meta = PUSH_META_ALL;
    letter.channel = (push_text_t){name, 255};
    letter.device = (push_text_t){name, PUSH_DEVICE_MAX};
    fields = written(letter, SIZE_MAX, &wire);
    expect_number(&fields, 1, 300);
    expect_number(&fields, 2, letter.message->mid);
    expect_text(&fields, 3, name, PUSH_EVENT_MAX);
    expect_number(&fields, 5, 4);
    expect_text(&fields, 6, name, 200);
    expect_text(&fields, 7, name, 255);
    expect_number(&fields, 8, (uint64_t)push_mid_ms(letter.message->mid));
    push_traceparent_write(traced, trace);
    expect_text(&fields, 9, trace, sizeof(trace));
    expect_text(&fields, 10, name, PUSH_DEVICE_MAX);
    expect_text(&fields, 15, "{}", 2);
    expect_end(&fields);
    free(wire.at);
}
END_TEST

START_TEST(a_gap_a_beat_and_the_end)
{
    const push_gap_report_t gap = {
        .dropped = 5, .reason = PUSH_GAP_MAILBOX, .urgency = PUSH_VERY_LOW};
    const push_notice_t notice = {"restart", 1000, 2000};
    const char *at = out.scratch;
    const char *end;
    push_fields_t fields;

    push_codec_protobuf.gap(&out, &gap);
    push_codec_protobuf.beat(&out, true);
    push_codec_protobuf.bye(&out, &notice);
    end = at + out.bytes;
    fields = member_of(unframed(&at, end), 3);
    expect_number(&fields, 1, 5);
    expect_text(&fields, 2, BYTES("mailbox"));
    expect_number(&fields, 3, 1);
    expect_end(&fields);
    ck_assert(!memcmp(at, BYTES("\x89\x00"))); /* a ping */
    at += 2;
    fields = member_of(unframed(&at, end), 5);
    expect_end(&fields);
    fields = member_of(unframed(&at, end), 4);
    expect_text(&fields, 1, BYTES("restart"));
    expect_number(&fields, 2, 1000);
    expect_number(&fields, 3, 2000);
    expect_end(&fields);
    ck_assert_uint_eq((unsigned char)*at, 0x88); /* a close */
}
END_TEST

START_TEST(it_begins_with_a_welcome)
{
    char name[256], bytes[PUSH_WELCOME_MAX];
    const push_welcome_t welcome = {.device = {name, PUSH_DEVICE_MAX},
                                    .session = {name, 255},
                                    .window = UINT32_MAX,
                                    .max_message = UINT32_MAX,
                                    .retry_ms = UINT32_MAX};
    const char *end;
    push_fields_t fields;

    memset(name, 's', sizeof(name));
    end = push_protobuf_welcome(bytes, &welcome);
    ck_assert(end <= bytes + sizeof(bytes));
    fields = member_of((push_text_t){bytes, (uint32_t)(end - bytes)}, 1);
    expect_text(&fields, 1, name, 255);
    expect_text(&fields, 2, name, PUSH_DEVICE_MAX);
    expect_number(&fields, 3, UINT32_MAX);
    expect_number(&fields, 4, UINT32_MAX);
    expect_number(&fields, 5, UINT32_MAX);
    expect_end(&fields);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protobuf");
    TCase *tc = unit_case(suite, "fields", 60);

    tcase_add_loop_test(tc, numbers_come_back, 0, 9);
    tcase_add_test(tc, what_is_the_usual_value_is_left_out);
    tcase_add_row_test(tc, what_is_no_field_breaks_off, broken);
    tcase_add_row_test(tc, a_device_acknowledges, said);
    tc = unit_case(suite, "codec", 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_message_says_how_long_it_is, 0, 6);
    tcase_add_test(tc, a_message_has_what_was_asked_for);
    tcase_add_test(tc, a_gap_a_beat_and_the_end);
    tcase_add_test(tc, it_begins_with_a_welcome);
    return unit_run(suite);
}
