/* message.c - a message as the application sees it. */
#include "message.h"

#include <string.h>

#include "base64.h"

/* Room for the end of base64 that is cut off: decoding writes whole triples. */
#define SLACK 3

enum { ID, MID, EVENT, ENCODING, TYPE, CHANNEL, URGENCY, TRACE, STRINGS };

struct pushc_item *pushc_item_create(const struct pushc_mem *mem,
                                     const struct pushc_block *block,
                                     uint64_t seq, const char *mid)
{
    const char *s[STRINGS] = {block->id,       mid,         block->event,
                              block->encoding, block->type, block->channel,
                              block->urgency,  block->trace};
    size_t size = sizeof(struct pushc_item) + block->length + 1 + SLACK;
    struct pushc_item *item;
    long decoded = -1;
    char *at;
    int i;

    for (i = 0; i < STRINGS; i++) {
        size += s[i] ? strlen(s[i]) + 1 : 0;
    }
    item = pushc_mem_realloc(mem, NULL, size);
    if (!item) {
        return NULL;
    }
    at = (char *)(item + 1);
    for (i = 0; i < STRINGS; i++) {
        if (s[i]) {
            char *end = stpcpy(at, s[i]);

            s[i] = at;
            at = end + 1;
        }
    }
    if (s[ENCODING] && strcmp(s[ENCODING], "base64") == 0) {
        decoded = pushc_base64_decode(block->data, block->length, at);
    }
    if (decoded < 0) {
        memcpy(at, block->data, block->length);
    }
    *item = (struct pushc_item){
        .pub = {.seq = seq,
                .mid = s[MID],
                .id = s[ID],
                .event = s[EVENT],
                .data = at,
                .length = decoded < 0 ? block->length : (size_t)decoded,
                .encoding = decoded < 0 ? s[ENCODING] : NULL,
                .ack_now = block->ack_now,
                .type = s[TYPE] ? s[TYPE] : "",
                .channel = s[CHANNEL] ? s[CHANNEL] : "",
                .urgency = s[URGENCY] ? s[URGENCY] : "",
                .time = block->time,
                .trace = s[TRACE] ? s[TRACE] : ""},
        .bytes = size,
    };
    at[item->pub.length] = '\0';
    return item;
}
