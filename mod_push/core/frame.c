#include "core/frame.h"

#include <stdint.h>
#include <string.h>

#define EVENT_FIELD "event: "
#define DATA_FIELD  "data: "
#define ACK_FIELD   "ack: now\n"
#define ENC_FIELD   "enc: base64\n"

bool push_event_valid(const char *text, size_t len)
{
    if (!len || len > PUSH_EVENT_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z')
            && !(c >= 'a' && c <= 'z') && c != '.' && c != '_' && c != ':'
            && c != '-') {
            return false;
        }
    }
    return true;
}

/* Length of the UTF-8 sequence at p (RFC 3629), 0 if it is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char from, to, second_from, second_to, len;
    } rows[] = {{0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
                {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
                {0xf4, 0xf4, 0x80, 0x8f, 4}};
    size_t row = 0;

    while (row < sizeof(rows) / sizeof(rows[0])
           && (*p < rows[row].from || *p > rows[row].to)) {
        row++;
    }
    if (row == sizeof(rows) / sizeof(rows[0]) || rows[row].len > left) {
        return 0;
    }
    for (size_t i = 1; i < rows[row].len; i++) {
        unsigned char from = i == 1 ? rows[row].second_from : 0x80;
        unsigned char to = i == 1 ? rows[row].second_to : 0xbf;

        if (p[i] < from || p[i] > to) {
            return 0;
        }
    }
    return rows[row].len;
}

/* Eight characters of ASCII, and none of them NUL. */
static bool all_ascii(const unsigned char *p)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    static const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return !((word | (word - ones)) & tops);
}

bool push_text_valid(const char *data, size_t len)
{
    const unsigned char *p = (const unsigned char *)data;
    const unsigned char *end = p + len;

    while (p < end) {
        size_t step = end - p >= 8 && all_ascii(p) ? 8
                      : *p - 1u < 0x7f             ? 1
                                       : utf8_length(p, (size_t)(end - p));

        if (!step) {
            return false;
        }
        p += step;
    }
    return true;
}

/* The first CR or LF at or after p, or end. */
static const char *line_end(const char *p, const char *end)
{
    while (p < end && *p != '\n' && *p != '\r') {
        p++;
    }
    return p;
}

/* Behind the line terminator at p. */
static const char *line_skip(const char *p, const char *end)
{
    return p + (*p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1);
}

static size_t text_size(const push_text_t *data)
{
    const char *end = data->at + data->len;
    const char *stop = line_end(data->at, end);
    size_t size = sizeof(DATA_FIELD) + (size_t)(stop - data->at);

    while (stop < end) {
        const char *line = line_skip(stop, end);

        stop = line_end(line, end);
        size += sizeof(DATA_FIELD) + (size_t)(stop - line);
    }
    return size;
}

static char *put(char *out, const char *from, size_t len)
{
    if (len) {
        memcpy(out, from, len);
    }
    return out + len;
}

#define PUT(out, text) put(out, text, sizeof(text) - 1)

static char *put_line(char *out, const char *line, const char *stop)
{
    out = PUT(out, DATA_FIELD);
    out = put(out, line, (size_t)(stop - line));
    *out++ = '\n';
    return out;
}

static char *put_text(char *out, const push_text_t *data)
{
    const char *end = data->at + data->len;
    const char *stop = line_end(data->at, end);

    out = put_line(out, data->at, stop);
    while (stop < end) {
        const char *line = line_skip(stop, end);

        stop = line_end(line, end);
        out = put_line(out, line, stop);
    }
    return out;
}

static char *put_base64(char *out, const push_text_t *data)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)data->at;

    for (size_t i = 0; i < data->len; i += 3) {
        size_t left = data->len - i;
        unsigned bits = (unsigned)p[i] << 16
                        | (left > 1 ? (unsigned)p[i + 1] << 8 : 0u)
                        | (left > 2 ? (unsigned)p[i + 2] : 0u);

        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[bits & 63] : '=';
    }
    return out;
}

size_t push_frame_size(const push_content_t *content)
{
    size_t size = 1;

    if (content->event.len) {
        size += sizeof(EVENT_FIELD) + content->event.len;
    }
    if (content->ack_now) {
        size += sizeof(ACK_FIELD) - 1;
    }
    if (push_text_valid(content->data.at, content->data.len)) {
        return size + text_size(&content->data);
    }
    return size + sizeof(ENC_FIELD) - 1 + sizeof(DATA_FIELD)
           + ((size_t)content->data.len + 2) / 3 * 4;
}

char *push_frame_write(const push_content_t *content, char *out)
{
    if (content->event.len) {
        out = PUT(out, EVENT_FIELD);
        out = put(out, content->event.at, content->event.len);
        *out++ = '\n';
    }
    if (content->ack_now) {
        out = PUT(out, ACK_FIELD);
    }
    if (push_text_valid(content->data.at, content->data.len)) {
        out = put_text(out, &content->data);
    }
    else {
        out = PUT(out, ENC_FIELD);
        out = PUT(out, DATA_FIELD);
        out = put_base64(out, &content->data);
        *out++ = '\n';
    }
    *out++ = '\n';
    return out;
}
