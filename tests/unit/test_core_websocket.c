#include "core_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "websocket/inbound.h"
#include "websocket/utf8.h"

/*
 * Frames of WebSocket, by the cases of the Autobahn test suite: what a client
 * sends, and what the server hears of it.  Bars stand between frames.  A frame
 * is OPCODE:PAYLOAD, in hexadecimal, with + before it where others follow and
 * r1 to r7 where bits are set that are reserved; u: it is not masked; w: its
 * length is longer written than it need be.  The payload #9 is nine stars, and
 * c1000 the code 1000 of a close, before its reason.
 */

#define LIMIT 70000u

typedef struct {
    const char *number;
    const char *sent;
    const char *heard; /* in the same form; =CODE is how it ends */
} case_t;

static const case_t cases[] = {
    /* messages */
    {"1.1.1", "1:", "1:"},
    {"1.1.2", "1:#125", "1:#125"},
    {"1.1.3", "1:#126", "1:#126"},
    {"1.1.4", "1:#127", "1:#127"},
    {"1.1.5", "1:#128", "1:#128"},
    {"1.1.6", "1:#65535", "1:#65535"},
    {"1.1.7", "1:#65536", "1:#65536"},
    {"1.2.1", "2:", "2:"},
    {"1.2.2", "2:#125", "2:#125"},
    {"1.2.3", "2:#126", "2:#126"},
    {"1.2.4", "2:#127", "2:#127"},
    {"1.2.5", "2:#128", "2:#128"},
    {"1.2.6", "2:#65535", "2:#65535"},
    {"1.2.7", "2:#65536", "2:#65536"},
    {"1.2.8", "2:\xff\xfe\xc0", "2:\xff\xfe\xc0"},

    /* pings and pongs */
    {"2.1", "9:", "9:"},
    {"2.2", "9:hello", "9:hello"},
    {"2.3", "9:\x01\xff\xfe\xfd", "9:\x01\xff\xfe\xfd"},
    {"2.4", "9:#125", "9:#125"},
    {"2.5", "9:#126", "=1002"},
    {"2.6", "9:a|9:b|9:c", "9:a|9:b|9:c"},
    {"2.7", "a:", "a:"},
    {"2.8", "a:unasked", "a:unasked"},
    {"2.9", "a:unasked|9:hello", "a:unasked|9:hello"},
    {"2.10", "9:1|9:2|9:3|9:4|9:5|9:6|9:7|9:8|9:9|9:10",
     "9:1|9:2|9:3|9:4|9:5|9:6|9:7|9:8|9:9|9:10"},

    /* reserved bits */
    {"3.1", "r1 1:x", "=1002"},
    {"3.2", "1:a|r2 1:b|9:", "1:a|=1002"},
    {"3.3", "1:a|r3 1:b|9:", "1:a|=1002"},
    {"3.4", "1:a|r4 1:b|9:", "1:a|=1002"},
    {"3.5", "r5 2:#8", "=1002"},
    {"3.6", "r6 9:", "=1002"},
    {"3.7", "r7 8:", "=1002"},

    /* opcodes */
    {"4.1.1", "3:", "=1002"},
    {"4.1.2", "4:x", "=1002"},
    {"4.1.3", "1:a|5:|9:", "1:a|=1002"},
    {"4.1.4", "1:a|6:x|9:", "1:a|=1002"},
    {"4.1.5", "1:a|7:|9:", "1:a|=1002"},
    {"4.2.1", "b:", "=1002"},
    {"4.2.2", "c:x", "=1002"},
    {"4.2.3", "1:a|d:|9:", "1:a|=1002"},
    {"4.2.4", "1:a|e:x|9:", "1:a|=1002"},
    {"4.2.5", "1:a|f:|9:", "1:a|=1002"},

    /* fragments */
    {"5.1", "+9:a|0:b", "=1002"},
    {"5.2", "+a:a|0:b", "=1002"},
    {"5.3", "+1:one|0:two", "1:onetwo"},
    {"5.4", "+2:one|0:two", "2:onetwo"},
    {"5.5", "+1:|0:", "1:"},
    {"5.6", "+1:one|9:ping|0:two", "9:ping|1:onetwo"},
    {"5.7", "+1:a|+0:b|9:x|+0:c|a:y|0:d", "9:x|a:y|1:abcd"},
    {"5.8", "+1:|+0:middle|0:", "1:middle"},
    {"5.9", "0:x|1:hello", "=1002"},
    {"5.10", "0:x", "=1002"},
    {"5.11", "+0:x|1:hello", "=1002"},
    {"5.12", "+0:x|0:y", "=1002"},
    {"5.13", "1:whole|0:x", "1:whole|=1002"},
    {"5.14", "+1:a|0:b|0:c", "1:ab|=1002"},
    {"5.15", "+1:a|0:b|+0:c|1:d", "1:ab|=1002"},
    {"5.16", "+1:a|1:b", "=1002"},
    {"5.17", "+1:a|2:b", "=1002"},
    {"5.18", "+1:a|+1:b", "=1002"},
    {"5.19", "+1:a|+0:b|9:1|+0:c|+0:d|9:2|0:e|1:f", "9:1|9:2|1:abcde|1:f"},

    /* UTF-8 */
    {"6.1.1", "1:", "1:"},
    {"6.1.2", "+1:|+0:|0:", "1:"},
    {"6.2.1", "1:\xce\xba\xe1\xbd\xb9\xcf\x83",
     "1:\xce\xba\xe1\xbd\xb9\xcf\x83"},
    {"6.2.2", "+1:\xce\xba\xe1\xbd\xb9|0:\xcf\x83",
     "1:\xce\xba\xe1\xbd\xb9\xcf\x83"},
    {"6.2.3", "+1:\xce|+0:\xba\xe1|+0:\xbd|0:\xb9", "1:\xce\xba\xe1\xbd\xb9"},
    {"6.2.4", "+1:\xf0|+0:\x9f|9:|+0:\x98|0:\x80", "9:|1:\xf0\x9f\x98\x80"},
    {"6.3.1", "1:\xce\xba\xed\xa0\x80x", "=1007"},
    {"6.3.2", "+1:\xce\xba|+0:\xed|+0:\xa0\x80|0:x", "=1007"},
    {"6.4.1", "+1:ab|+0:\xf4\x90\x80\x80|0:x", "=1007"},
    {"6.4.2", "+1:\xf4|+0:\x90|9:|0:x", "=1007"},
    {"6.5.1", "1:\xef\xbf\xbf", "1:\xef\xbf\xbf"},
    {"6.6.1", "1:\xce", "=1007"},
    {"6.6.2", "+1:a|0:\xe1\xbd", "=1007"},
    {"6.6.3", "+1:\xe1\xbd|0:", "=1007"},
    {"6.7.1", "1:\x7f", "1:\x7f"},
    {"6.7.2", "1:\xc2\x80", "1:\xc2\x80"},
    {"6.7.3", "1:\xe0\xa0\x80", "1:\xe0\xa0\x80"},
    {"6.7.4", "1:\xf0\x90\x80\x80", "1:\xf0\x90\x80\x80"},
    {"6.10.1", "1:\xf4\x8f\xbf\xbf", "1:\xf4\x8f\xbf\xbf"},
    {"6.12.1", "1:\x80", "=1007"},
    {"6.13.1", "1:\xc0 ", "=1007"},
    {"6.14.1", "1:\xfc\x80\x80\x80\x80\xaf", "=1007"},
    {"6.15.1", "1:\xfe", "=1007"},
    {"6.16.1", "1:\xed\xaf\xbf", "=1007"},
    {"6.18.1", "1:\xc1\xbf", "=1007"},
    {"6.18.2", "1:\xe0\x9f\xbf", "=1007"},
    {"6.18.3", "1:\xf0\x8f\xbf\xbf", "=1007"},

    /* closes */
    {"7.1.1", "1:a|8:c1000", "1:a|8:c1000|=1000"},
    {"7.1.2", "8:c1000|8:c1000", "8:c1000|=1000"},
    {"7.1.3", "8:c1000|9:late", "8:c1000|=1000"},
    {"7.1.4", "8:c1000|1:late", "8:c1000|=1000"},
    {"7.1.5", "+1:a|8:c1000|0:b", "8:c1000|=1000"},
    {"7.3.1", "8:", "8:|=1000"},
    {"7.3.2", "8:a", "=1002"},
    {"7.3.3", "8:c1000", "8:c1000|=1000"},
    {"7.3.4", "8:c1000bye", "8:c1000bye|=1000"},
    {"7.3.5", "8:c1000#123", "8:c1000#123|=1000"},
    {"7.3.6", "8:c1000#124", "=1002"},
    {"7.5.1", "8:c1000\xce\xba\xed\xa0\x80", "=1007"},
    {"7.7.1", "8:c1001", "8:c1001|=1001"},
    {"7.7.2", "8:c1002", "8:c1002|=1002"},
    {"7.7.3", "8:c1003", "8:c1003|=1003"},
    {"7.7.4", "8:c1007", "8:c1007|=1007"},
    {"7.7.7", "8:c1010", "8:c1010|=1010"},
    {"7.7.8", "8:c1011", "8:c1011|=1011"},
    {"7.7.9", "8:c3000", "8:c3000|=3000"},
    {"7.7.10", "8:c3999", "8:c3999|=3999"},
    {"7.7.11", "8:c4000", "8:c4000|=4000"},
    {"7.7.13", "8:c4999", "8:c4999|=4999"},
    {"7.9.1", "8:c0000", "=1002"},
    {"7.9.2", "8:c0999", "=1002"},
    {"7.9.3", "8:c1004", "=1002"},
    {"7.9.4", "8:c1005", "=1002"},
    {"7.9.5", "8:c1006", "=1002"},
    {"7.9.6", "8:c1016", "=1002"},
    {"7.9.7", "8:c1100", "=1002"},
    {"7.9.8", "8:c2000", "=1002"},
    {"7.9.9", "8:c2999", "=1002"},
    {"7.13.1", "8:c5000", "=1002"},
    {"7.13.2", "8:c9999", "=1002"},
    {"7.14", "+8:c1000", "=1002"},

    /* limits */
    {"9.1", "1:#70000", "1:#70000"},
    {"9.2", "1:#70001", "=1009"},
    {"9.3", "+1:#69999|0:*", "1:#70000"},
    {"9.4", "+1:#69999|+0:|9:|0:**", "9:|=1009"},
    {"9.5", "2:#70001|9:", "=1009"},

    /* what a client must not do (sections 5.1 and 5.2) */
    {"mask", "u1:hello", "=1002"},
    {"mask", "1:a|u9:", "1:a|=1002"},
    {"16 bits for 125", "w1:#125", "=1002"},
    {"64 bits for 126", "w1:#126", "=1002"},
    {"64 bits for 65535", "w2:#65535", "=1002"},
};

/* ---- what is sent ---- */

typedef struct {
    char bytes[300000];
    size_t len;
} buffer_t;

static size_t put_payload(char *at, const char *text, size_t len)
{
    size_t used = 0;

    if (len > 4 && text[0] == 'c' && strspn(text + 1, "0123456789") >= 4) {
        char digits[5] = {text[1], text[2], text[3], text[4], '\0'};
        int code = atoi(digits);

        at[used++] = (char)(code >> 8);
        at[used++] = (char)code;
        text += 5;
        len -= 5;
    }
    if (len && *text == '#') {
        size_t count = strtoul(text + 1, NULL, 10);

        memset(at + used, '*', count);
        return used + count;
    }
    memcpy(at + used, text, len);
    return used + len;
}

static void put_number(buffer_t *out, uint64_t number, size_t bytes)
{
    while (bytes--) {
        out->bytes[out->len++] = (char)(number >> 8 * bytes);
    }
}

static void put_len(buffer_t *out, size_t len, bool masked, bool wide)
{
    unsigned mask = masked ? 0x80 : 0;

    if (len < 126 && !wide) {
        put_number(out, mask | len, 1);
    }
    else if (len < 126 || (len <= UINT16_MAX && !wide)) {
        put_number(out, mask | 126, 1);
        put_number(out, len, 2);
    }
    else {
        put_number(out, mask | 127, 1);
        put_number(out, len, 8);
    }
}

static void put_frame(buffer_t *out, const char *frame, size_t len)
{
    static const unsigned char masks[][4] = {
        {0x37, 0xfa, 0x21, 0x3d}, {0, 0, 0, 0}, {0xff, 0, 0x80, 1}};
    static char payload[100000];
    const unsigned char *mask = masks[out->len % 3];
    const char *colon = memchr(frame, ':', len);
    unsigned bits = 0x80;
    bool masked = true;
    bool wide = false;
    size_t size;

    for (; !memchr("0123456789abcdef", *frame, 16) || frame[1] != ':';
         frame++) {
        bits = *frame == '+' ? 0 : bits;
        bits |= *frame == 'r' ? (unsigned)(frame[1] - '0') << 4 : 0;
        masked = masked && *frame != 'u';
        wide = wide || *frame == 'w';
        len--;
    }
    size = put_payload(payload, colon + 1, len - 2);
    put_number(out, bits | (unsigned)strtoul(frame, NULL, 16), 1);
    put_len(out, size, masked, wide);
    if (masked) {
        memcpy(out->bytes + out->len, mask, 4);
        out->len += 4;
        push_frame_mask(payload, size, mask);
    }
    memcpy(out->bytes + out->len, payload, size);
    out->len += size;
}

static void put_frames(buffer_t *out, const char *frames)
{
    out->len = 0;
    while (*frames) {
        size_t len = strcspn(frames, "|");

        put_frame(out, frames, len);
        frames += len + (frames[len] == '|');
    }
}

/* ---- what is heard ---- */

typedef struct {
    char text[100000];
    size_t len;
} record_t;

static void write_record(record_t *record, const char *text, size_t len)
{
    memcpy(record->text + record->len, text, len);
    record->len += len;
    record->text[record->len] = '\0';
}

static push_close_t hear(void *data, const push_heard_t *heard)
{
    record_t *record = data;
    char text[64];
    size_t stars = 0;
    int len = snprintf(text, sizeof(text), "%s%x:", record->len ? "|" : "",
                       heard->opcode);

    write_record(record, text, (size_t)len);
    if (heard->code) {
        len = snprintf(text, sizeof(text), "c%04u", (unsigned)heard->code);
        write_record(record, text, (size_t)len);
    }
    while (stars < heard->len && heard->at[stars] == '*') {
        stars++;
    }
    if (stars > 7 && stars == heard->len) {
        len = snprintf(text, sizeof(text), "#%zu", stars);
        write_record(record, text, (size_t)len);
    }
    else if (heard->len) {
        write_record(record, heard->at, heard->len);
    }
    return PUSH_CLOSE_NONE;
}

/* Takes it in steps, each of a copy of its own, as ASan likes it. */
static void take(const buffer_t *sent, size_t step, record_t *record)
{
    push_inbound_t inbound = {0};
    const push_hearer_t hearer = {
        .hear = hear, .data = record, .limit = LIMIT};
    push_close_t code = PUSH_CLOSE_NONE;
    size_t at = 0;

    record->len = 0;
    record->text[0] = '\0';
    while (!code && at < sent->len) {
        size_t len = sent->len - at < step ? sent->len - at : step;
        char *copy = malloc(len);

        memcpy(copy, sent->bytes + at, len);
        code = push_inbound_take(&inbound, copy, len, &hearer);
        free(copy);
        at += len;
    }
    if (code) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%s=%u", record->len ? "|" : "",
                           (unsigned)code);

        write_record(record, text, (size_t)len);
    }
    else {
        ck_assert(!push_inbound_keeps(&inbound));
    }
    push_inbound_cleanup(&inbound);
}

START_TEST(a_case_is_heard_as_it_should_be)
{
    static const size_t steps[] = {SIZE_MAX, 4096, 997, 7, 3, 2, 1};
    static buffer_t sent;
    static record_t record;
    const case_t *row = &cases[_i];

    put_frames(&sent, row->sent);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (sent.len > 10000 && steps[i] < 997) {
            break;
        }
        take(&sent, steps[i], &record);
        ck_assert_msg(!strcmp(record.text, row->heard),
                      "%s, %zu at a time: heard %.200s, not %s", row->number,
                      steps[i], record.text, row->heard);
    }
}
END_TEST

/* A peer that announces much and sends little costs what it has sent. */
START_TEST(what_is_too_large_ends_at_its_head)
{
    static const char head[] = "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
                               "mask";
    static record_t record;
    push_inbound_t inbound = {0};
    const push_hearer_t hearer = {
        .hear = hear, .data = &record, .limit = LIMIT};
    char bytes[sizeof(head)];

    memcpy(bytes, head, sizeof(head));
    ck_assert_int_eq(push_inbound_take(&inbound, bytes, sizeof(head) - 1,
                                       &hearer),
                     PUSH_CLOSE_SIZE);
    ck_assert(!push_inbound_keeps(&inbound));
    bytes[2] = (char)0x80; /* 64 bits of length are one too many */
    ck_assert_int_eq(push_inbound_take(&inbound, bytes, 10, &hearer),
                     PUSH_CLOSE_PROTOCOL);
    ck_assert_uint_eq(record.len, 0);
}
END_TEST

static push_close_t refuse(void *data, const push_heard_t *heard)
{
    unsigned *count = data;

    ++*count;
    return heard->len ? PUSH_CLOSE_POLICY : PUSH_CLOSE_NONE;
}

START_TEST(who_hears_may_end_it)
{
    static buffer_t sent;
    push_inbound_t inbound = {0};
    unsigned count = 0;
    const push_hearer_t hearer = {
        .hear = refuse, .data = &count, .limit = LIMIT};

    put_frames(&sent, "1:|1:x|1:y");
    ck_assert_int_eq(push_inbound_take(&inbound, sent.bytes, sent.len,
                                       &hearer),
                     PUSH_CLOSE_POLICY);
    ck_assert_uint_eq(count, 2);
    push_inbound_cleanup(&inbound);
}
END_TEST

/* ---- what the server writes ---- */

START_TEST(heads_are_as_short_as_they_can_be)
{
    static const struct {
        uint64_t len;
        const char *head;
        size_t size;
    } rows[] = {{0, "\x81\x00", 2},
                {125, "\x81\x7d", 2},
                {126, "\x81\x7e\x00\x7e", 4},
                {65535, "\x81\x7e\xff\xff", 4},
                {65536, "\x81\x7f\0\0\0\0\0\1\0\0", 10},
                {0x123456789a, "\x81\x7f\0\0\0\x12\x34\x56\x78\x9a", 10}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char head[PUSH_FRAME_HEAD_MAX];
        const char *end = push_frame_put(head, PUSH_FRAME_TEXT, rows[i].len);

        ck_assert_uint_eq((size_t)(end - head), rows[i].size);
        ck_assert_uint_eq(push_frame_head_size(rows[i].len), rows[i].size);
        ck_assert_mem_eq(head, rows[i].head, rows[i].size);
    }
}
END_TEST

START_TEST(a_close_says_why)
{
    char frame[PUSH_FRAME_HEAD_MAX + PUSH_CONTROL_MAX];
    char reason[200];
    const char *end = push_frame_put_close(frame, PUSH_CLOSE_AWAY, "restart");

    ck_assert_uint_eq((size_t)(end - frame), 11);
    ck_assert_mem_eq(frame, "\x88\x09\x03\xe9restart", 11);
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    end = push_frame_put_close(frame, PUSH_CLOSE_TOKEN, reason);
    ck_assert_uint_eq((size_t)(end - frame), 2 + PUSH_CONTROL_MAX);
    ck_assert_int_eq(frame[1], PUSH_CONTROL_MAX);
}
END_TEST

/* Against the other reader of UTF-8, which takes it whole. */
START_TEST(utf8_in_parts_is_utf8)
{
    dice_t d = dice(7);

    for (int i = 0; i < 200000; i++) {
        static const unsigned char likely[] = {'a',  0x7f, 0x80, 0x8f, 0x90,
                                               0x9f, 0xa0, 0xbf, 0xc1, 0xc2,
                                               0xdf, 0xe0, 0xe1, 0xed, 0xef,
                                               0xf0, 0xf1, 0xf4, 0xf5, 0xff};
        char text[8];
        size_t len = dice_below(&d, sizeof(text) + 1);
        size_t first = dice_below(&d, (uint32_t)len + 1);
        uint8_t state;

        for (size_t j = 0; j < len; j++) {
            text[j] = (char)likely[dice_below(&d, sizeof(likely))];
        }
        state = push_utf8_check(0, text, first);
        state = push_utf8_check(state, text + first, len - first);
        ck_assert_int_eq(state == 0, push_text_valid(text, len));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("websocket");
    TCase *tc = unit_case(suite, "frames", 30);

    tcase_add_row_test(tc, a_case_is_heard_as_it_should_be, cases);
    tcase_add_test(tc, what_is_too_large_ends_at_its_head);
    tcase_add_test(tc, who_hears_may_end_it);
    tcase_add_test(tc, heads_are_as_short_as_they_can_be);
    tcase_add_test(tc, a_close_says_why);
    tcase_add_test(tc, utf8_in_parts_is_utf8);
    return unit_run(suite);
}
