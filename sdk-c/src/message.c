/* message.c - a message as the application sees it. */
#include "message.h"

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

/* Copy a string to *at, and move it on. */
static const char *place(char **at, const char *s)
{
    char *here = *at;

    strcpy(here, s);
    *at += strlen(s) + 1;
    return here;
}

struct pushc_item *pushc_item_create(const struct pushc_mem *mem,
                                     const struct pushc_block *block,
                                     uint64_t seq, const char *mid)
{
    const char *encoding = block->encoding ? block->encoding : "";
    size_t size = sizeof(struct pushc_item) + block->length + strlen(block->id)
                  + strlen(mid) + strlen(block->event) + strlen(encoding) + 5
                  + 3;
    struct pushc_item *item = pushc_mem_zalloc(mem, size);
    long decoded = -1;
    char *at;

    if (!item) {
        return NULL;
    }
    at = (char *)(item + 1);
    item->bytes = size;
    item->pub.seq = seq;
    item->pub.id = place(&at, block->id);
    item->pub.mid = place(&at, mid);
    item->pub.event = place(&at, block->event);
    item->pub.encoding = encoding[0] ? place(&at, encoding) : NULL;
    item->pub.ack_now = block->ack_now;
    item->pub.data = at;
    if (strcmp(encoding, "base64") == 0) {
        decoded = pushc_base64_decode(block->data, block->length, at);
    }
    if (decoded >= 0) {
        item->pub.length = (size_t)decoded;
        item->pub.encoding = NULL;
    }
    else {
        memcpy(at, block->data, block->length);
        item->pub.length = block->length;
    }
    at[item->pub.length] = '\0';
    return item;
}
