#include "core/traceparent.h"

#include <string.h>

/* Where the fields begin, in text and in bytes. */
enum { ID_AT = PUSH_TRACEPARENT_ID_AT, PARENT_AT = 36, FLAGS_AT = 53 };
enum { ID_BYTES = 16, PARENT_BYTES = 8, FLAGS_BYTE = 24 };

#define FLAGS_KNOWN 3 /* sampled, and (of level 2) that the id is random */

/* Lower case alone is legal. */
static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static bool parse_hex(const char *text, size_t bytes, char *to)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        to[i] = (char)(high << 4 | low);
    }
    return true;
}

static char *write_hex(char *at, const char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        *at++ = digits[(unsigned char)bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    return at;
}

static bool is_zero(const char *bytes, size_t count)
{
    while (count && !*bytes) {
        bytes++;
        count--;
    }
    return !count;
}

/* Version 00 ends with its flags; a later one may go on behind a dash. */
static bool has_version(const char *text, size_t len)
{
    char version;

    if (len < PUSH_TRACEPARENT_CHARS || !parse_hex(text, 1, &version)
        || version == (char)0xff) {
        return false;
    }
    return len == PUSH_TRACEPARENT_CHARS
           || (version && text[PUSH_TRACEPARENT_CHARS] == '-');
}

bool push_traceparent_parse(const char *text, size_t len, char *trace)
{
    char *parent = trace + ID_BYTES;

    if (!has_version(text, len) || text[ID_AT - 1] != '-'
        || text[PARENT_AT - 1] != '-' || text[FLAGS_AT - 1] != '-'
        || !parse_hex(text + ID_AT, ID_BYTES, trace)
        || !parse_hex(text + PARENT_AT, PARENT_BYTES, parent)
        || !parse_hex(text + FLAGS_AT, 1, trace + FLAGS_BYTE)) {
        return false;
    }
    trace[FLAGS_BYTE] &= FLAGS_KNOWN;
    return !is_zero(trace, ID_BYTES) && !is_zero(parent, PARENT_BYTES);
}

void push_traceparent_write(const char *trace, char *text)
{
    char *at = text;

    memcpy(at, "00-", ID_AT);
    at = write_hex(at + ID_AT, trace, ID_BYTES);
    *at++ = '-';
    at = write_hex(at, trace + ID_BYTES, PARENT_BYTES);
    *at++ = '-';
    write_hex(at, trace + FLAGS_BYTE, 1);
}
