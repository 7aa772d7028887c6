#include "http/identity/base64url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789-_";

char *push_base64url_encode(const unsigned char *bytes, size_t len)
{
    char *text = malloc(len / 3 * 4 + 5);
    size_t at = 0;

    for (size_t i = 0; text && i < len; i += 3) {
        unsigned left = len - i < 3 ? (unsigned)(len - i) : 3;
        unsigned bits = (unsigned)bytes[i] << 16;

        bits |= left > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes[i + 2] : 0;
        for (unsigned j = 0; j <= left; j++) {
            text[at++] = alphabet[bits >> (18 - 6 * j) & 63];
        }
    }
    if (text) {
        text[at] = '\0';
    }
    return text;
}

size_t push_base64url_decode(const char *text, size_t len,
                             unsigned char *bytes, size_t room)
{
    uint32_t bits = 0;
    size_t count = 0;

    if (len % 4 == 1) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

        if (!at || (i % 4 && count == room)) {
            return 0;
        }
        bits = bits << 6 | (uint32_t)(at - alphabet);
        if (i % 4) {
            bytes[count++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    return count;
}
