/* base64.c - base64. */
#include "base64.h"

#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void pushc_base64_encode(const char *bytes, size_t length, char *out)
{
    const unsigned char *in = (const unsigned char *)bytes;
    size_t i;

    for (i = 0; i < length; i += 3) {
        unsigned long v = (unsigned long)in[i] << 16;

        v |= i + 1 < length ? (unsigned long)in[i + 1] << 8 : 0;
        v |= i + 2 < length ? in[i + 2] : 0;
        *out++ = digits[v >> 18 & 63];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < length ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < length ? digits[v & 63] : '=';
    }
}

static int digit(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

long pushc_base64_decode(const char *text, size_t length, char *out)
{
    char *start = out;
    unsigned long v = 0;
    int n = 0, pads = 0;
    size_t i;

    for (i = 0; i < length; i++) {
        int d = digit(text[i]);

        if (text[i] == '\n') {
            continue;
        }
        if (text[i] == '=') {
            pads++;
            d = 0;
        }
        else if (d < 0 || pads > 0) {
            return -1;
        }
        v = v << 6 | (unsigned long)d;
        if (++n == 4) {
            *out++ = (char)(v >> 16);
            *out++ = (char)(v >> 8);
            *out++ = (char)v;
            n = 0;
            v = 0;
        }
    }
    if (n != 0 || pads > 2 || out - start < pads) {
        return -1;
    }
    return (long)(out - start) - pads;
}
