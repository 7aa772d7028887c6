/*
 * Server-sent events, line by line as their bytes come: what every reader of
 * a stream stands on that is not an SDK's. Lines end with LF alone, as ours
 * do; nothing here fails a test.
 */
#ifndef HARNESS_SSE_H
#define HARNESS_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns; not terminated. */
struct sse_text {
    const char *at;
    size_t length;
};

/* A line without its end, borrowed until return; an empty one ends an event
 * or is a heartbeat. */
typedef void sse_line_fn(void *baton, struct sse_text line);

struct sse {
    char *part; /* a line that has begun, or NULL; owned */
    size_t used, room;
    size_t most; /* bytes that are kept of such a line; 0: all */
    sse_line_fn *on_line;
    void *baton;
};

void sse_init(struct sse *sse, sse_line_fn *on_line, void *baton);
void sse_cleanup(struct sse *sse);

/* Read on. False when memory ran out. */
bool sse_feed(struct sse *sse, const char *at, size_t length);

/* True if the line is a field of this name, and its value: what is behind the
 * colon and one space. */
static inline bool sse_field(struct sse_text line, const char *name,
                             struct sse_text *value)
{
    size_t length = strlen(name);

    if (line.length < length || memcmp(line.at, name, length) != 0
        || (line.length > length && line.at[length] != ':')) {
        return false;
    }
    length += line.length > length;
    length += line.length > length && line.at[length] == ' ';
    *value = (struct sse_text){line.at + length, line.length - length};
    return true;
}

/* The decimal number that a value begins with, or 0. */
uint64_t sse_number(struct sse_text value);

#endif
