/* message.c - a message as the application sees it. */
#include "message.h"

#include <string.h>

#include "base64.h"

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
