#include "triggers/run/reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/ids.h"

char *push_sse_reader_room(push_sse_reader_t *reader, size_t room)
{
    size_t used = reader->to - reader->from;
    char *bytes = reader->bytes;

    if (reader->from) {
        memmove(bytes, bytes + reader->from, used);
        reader->from = 0;
        reader->to = used;
    }
    if (reader->room - used < room) {
        bytes = realloc(bytes, 2 * (used + room));
        if (!bytes) {
            return NULL;
        }
        reader->bytes = bytes;
        reader->room = 2 * (used + room);
    }
    return bytes + reader->to;
}

void push_sse_reader_fed(push_sse_reader_t *reader, size_t count)
{
    reader->to += count;
}

/* The value of the line if its field has this name. */
static bool is_field(push_text_t line, const char *name, push_text_t *value)
{
    uint32_t len = (uint32_t)strlen(name);

    if (line.len < len || memcmp(line.at, name, len)) {
        return false;
    }
    *value = (push_text_t){line.at + len, line.len - len};
    return true;
}

/* SEQ.MID, behind which a device id may stand. */
static void take_id(push_text_t value, push_sse_block_t *block)
{
    push_cursor_t cursor;

    if (push_cursor_parse(value.at, value.len, &cursor) && cursor.has_mid) {
        block->seq = cursor.seq;
        block->mid = cursor.mid;
    }
}

static void take_line(push_text_t line, push_sse_block_t *block)
{
    push_text_t value;

    if (is_field(line, "id: ", &value)) {
        take_id(value, block);
    }
    else if (is_field(line, "event: ", &value)) {
        block->event = value;
    }
    else if (is_field(line, "data: ", &value)) {
        block->data = value;
    }
}

static void take_lines(push_text_t lines, push_sse_block_t *block)
{
    *block = (push_sse_block_t){0};
    while (lines.len) {
        const char *end = memchr(lines.at, '\n', lines.len);
        uint32_t len = (uint32_t)(end - lines.at);

        take_line((push_text_t){lines.at, len}, block);
        lines.at += len + 1;
        lines.len -= len + 1;
    }
}

bool push_sse_reader_next(push_sse_reader_t *reader, push_sse_block_t *block)
{
    const char *at = reader->bytes + reader->from;
    size_t left = reader->to - reader->from;
    const char *end = left ? memmem(at, left, "\n\n", 2) : NULL;

    if (!end) {
        return false;
    }
    reader->from += (size_t)(end - at) + 2;
    take_lines((push_text_t){at, (uint32_t)(end - at) + 1}, block);
    return true;
}

void push_sse_reader_cleanup(push_sse_reader_t *reader)
{
    free(reader->bytes);
    *reader = (push_sse_reader_t){0};
}
