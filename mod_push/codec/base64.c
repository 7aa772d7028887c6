#include "codec/base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz0123456789+/";

char *push_base64_encode(const char *bytes, size_t len, char *text)
{
    const unsigned char *p = (const unsigned char *)bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned bits = (unsigned)p[i] << 16
                        | (left > 1 ? (unsigned)p[i + 1] << 8 : 0u)
                        | (left > 2 ? (unsigned)p[i + 2] : 0u);

        *text++ = digits[bits >> 18];
        *text++ = digits[bits >> 12 & 63];
        *text++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *text++ = left > 2 ? digits[bits & 63] : '=';
    }
    return text;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Characters of padding at the end of the text, two at most. */
static size_t padding_of(const char *text, size_t len)
{
    if (!len || text[len - 1] != '=') {
        return 0;
    }
    return text[len - 2] == '=' ? 2 : 1;
}

bool push_base64_decode(const char *text, size_t len, char *bytes,
                        size_t *count)
{
    size_t padding = len % 4 ? 0 : padding_of(text, len);
    uint32_t bits = 0;
    size_t made = 0;

    if (len % 4) {
        return false;
    }
    for (size_t i = 0; i < len - padding; i++) {
        int value = value_of(text[i]);

        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4) {
            bytes[made++] = (char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    *count = made;
    return true;
}
