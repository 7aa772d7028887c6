#include "core/text.h"

#include <stdint.h>

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

bool push_type_valid(const char *text, size_t len)
{
    if (!len || len > PUSH_TYPE_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) {
            return false;
        }
    }
    return text[0] != ' ';
}
