#include "sse.h"

#include <stdlib.h>
#include <string.h>

void sse_init(struct sse *sse, sse_line_fn *on_line, void *baton)
{
    memset(sse, 0, sizeof(*sse));
    sse->on_line = on_line;
    sse->baton = baton;
}

void sse_cleanup(struct sse *sse)
{
    free(sse->part);
    memset(sse, 0, sizeof(*sse));
}

static bool keep_part(struct sse *sse, const char *at, size_t length)
{
    if (sse->most > 0 && length > sse->most - sse->used) {
        length = sse->most - sse->used;
    }
    if (sse->used + length > sse->room) {
        size_t room = (sse->used + length) * 2;
        char *part = realloc(sse->part, room);

        if (part == NULL) {
            return false;
        }
        sse->part = part;
        sse->room = room;
    }
    memcpy(sse->part + sse->used, at, length);
    sse->used += length;
    return true;
}

bool sse_feed(struct sse *sse, const char *at, size_t length)
{
    while (length > 0) {
        const char *end = memchr(at, '\n', length);
        size_t line = end != NULL ? (size_t)(end - at) : length;

        if ((end == NULL || sse->used > 0) && !keep_part(sse, at, line)) {
            return false;
        }
        if (end == NULL) {
            return true;
        }
        if (sse->used > 0) {
            line = sse->used;
            sse->used = 0;
            sse->on_line(sse->baton, (struct sse_text){sse->part, line});
        }
        else {
            sse->on_line(sse->baton, (struct sse_text){at, line});
        }
        line = (size_t)(end - at) + 1;
        at += line;
        length -= line;
    }
    return true;
}

uint64_t sse_number(struct sse_text value)
{
    uint64_t number = 0;

    for (size_t i = 0; i < value.length; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') {
            break;
        }
        number = number * 10 + (uint64_t)(value.at[i] - '0');
    }
    return number;
}
