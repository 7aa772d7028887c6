#include "core/frame.h"
#include "core_sse.h"
#include "core_suite.h"

#include <stdlib.h>
#include <string.h>

/* The frame on the heap, exactly as large as it claims. */
static char *frame(const push_content_t *content, size_t *len)
{
    char *out = malloc(push_frame_size(content));

    *len = push_frame_size(content);
    ck_assert_ptr_eq(push_frame_write(content, out), out + *len);
    return out;
}

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

START_TEST(a_payload_is_framed_as_the_row_says)
{
    push_content_t content = {.data = bytes(rows[_i].data, rows[_i].len)};
    size_t len;
    char *out = frame(&content, &len);

    ck_assert_msg(len == strlen(rows[_i].wire)
                      && !memcmp(out, rows[_i].wire, len),
                  "%s: got \"%.*s\"", rows[_i].why, (int)len, out);
    free(out);
}
END_TEST

START_TEST(type_and_receipt_stand_before_the_payload)
{
    push_content_t content = {.event = bytes(TEXT("trip.accepted")),
                              .data = bytes(TEXT("{}")),
                              .ack_now = true};
    static const char wire[] = "event: trip.accepted\nack: now\ndata: {}\n\n";
    size_t len;
    char *out = frame(&content, &len);

    ck_assert_uint_eq(len, sizeof(wire) - 1);
    ck_assert_mem_eq(out, wire, len);
    free(out);
}
END_TEST

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

/* ---- a reader gets what was published ---- */

/* Bytes that a careless writer trips over are as frequent as the rest. */
static size_t random_payload(dice_t *d, char *out, size_t room)
{
    static const char tricky[] = "\r\n\r\n :\0d\xef\xbb\xbf\xff\xc3\xa9";
    size_t len = dice_one_in(d, 20) ? room : dice_below(d, 40);
    uint32_t kind = dice_below(d, 3);

    for (size_t i = 0; i < len; i++) {
        switch (kind) {
        case 0:
            out[i] = "ab \r\n:"[dice_below(d, 6)];
            break;
        case 1:
            out[i] = tricky[dice_below(d, sizeof(tricky) - 1)];
            break;
        default:
            out[i] = (char)dice_below(d, 256);
        }
    }
    return len;
}

/* What line ends become: the standard hands out LF for all three. */
static size_t with_line_feeds(const char *data, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\r') {
            out[n++] = '\n';
            i += i + 1 < len && data[i + 1] == '\n';
        }
        else {
            out[n++] = data[i];
        }
    }
    return n;
}

/* As the reactor sends it: behind the id, and twice. */
static char *on_the_wire(const push_content_t *content, size_t *len)
{
    static const char id[] = "id: 7.00000000042\n";
    size_t body = push_frame_size(content);
    char *out = malloc(2 * (sizeof(id) - 1 + body));
    char *at = out;

    for (int i = 0; i < 2; i++) {
        memcpy(at, id, sizeof(id) - 1);
        at = push_frame_write(content, at + sizeof(id) - 1);
    }
    *len = (size_t)(at - out);
    return out;
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
        size_t len;
        char *wire;

        if (dice_one_in(&d, 2)) {
            content.event = bytes(TEXT("a.b:c"));
            content.ack_now = true;
        }
        if (push_text_valid(data, size)) {
            want = expected;
            want_len = with_line_feeds(data, size, expected);
        }
        wire = on_the_wire(&content, &len);
        ck_assert_int_eq(sse_read(wire, len, &event), 2);
        ck_assert_str_eq(event.id, "7.00000000042");
        ck_assert_str_eq(event.event, content.ack_now ? "a.b:c" : "");
        ck_assert_str_eq(event.ack, content.ack_now ? "now" : "");
        ck_assert_uint_eq(event.data_len, want_len);
        ck_assert(!want_len || !memcmp(event.data, want, want_len));
        free(event.data);
        free(wire);
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

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tc = unit_case(suite, "frame", 60);

    tcase_add_row_test(tc, a_payload_is_framed_as_the_row_says, rows);
    tcase_add_test(tc, type_and_receipt_stand_before_the_payload);
    tcase_add_row_test(tc, only_utf8_without_nul_goes_as_text, texts);
    tcase_add_test(tc, one_bad_byte_is_found_wherever_it_stands);
    tcase_add_loop_test(tc, what_a_reader_of_the_standard_gets_is_the_payload,
                        0, 20);
    tcase_add_test(tc, an_event_type_has_only_its_few_characters);
    return unit_run(suite);
}
