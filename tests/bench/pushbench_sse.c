#include "pushbench_sse.h"

#include <string.h>

/* Small enough that a byte can hold the number of hits in it. */
#define COUNT_BLOCK 240

void pb_count_init(struct pb_count *count)
{
    memset(count, 0, sizeof *count);
    count->last[1] = '\n'; /* the stream begins with a new line */
}

/*
 * How often "\n", `b`, `c` begins in the first `len` of len + 2 bytes. Written
 * without a branch, so that the compiler makes vector code of it.
 */
static unsigned count_block(const char *at, size_t len, char b, char c)
{
    uint8_t hits = 0;

    for (size_t i = 0; i < len; i++) {
        hits = (uint8_t)(hits
                         + ((at[i] == '\n') & (at[i + 1] == b)
                            & (at[i + 2] == c)));
    }
    return hits;
}

static void count_range(struct pb_count *count, const char *at, size_t len)
{
    unsigned data = count_block(at, len, 'd', 'a');
    unsigned event = count_block(at, len, 'e', 'v');

    count->messages += (uint64_t)data - event;
    count->reserved += event;
}

void pb_count_feed(struct pb_count *count, const char *at, size_t len)
{
    char seam[4];
    size_t head = len < 2 ? len : 2;

    if (len == 0) {
        return;
    }
    /* what began in the two bytes before */
    memcpy(seam, count->last, 2);
    memcpy(seam + 2, at, head);
    count_range(count, seam, head);
    if (len < 2) {
        memcpy(count->last, seam + 1, 2);
        return;
    }
    memcpy(count->last, at + len - 2, 2);
    for (len -= 2; len > 0;) {
        size_t part = len < COUNT_BLOCK ? len : COUNT_BLOCK;

        count_range(count, at, part);
        at += part;
        len -= part;
    }
}

static void on_line(void *baton, struct sse_text line)
{
    struct pb_events *events = baton;
    struct sse_text value;

    if (line.length == 0) {
        events->is_reserved = false;
    }
    else if (sse_field(line, "data", &value)) {
        if (!events->is_reserved) {
            events->on_message(events->baton, value.at, value.length);
        }
    }
    else if (sse_field(line, "event", &value)) {
        if (value.length >= 5 && memcmp(value.at, "push.", 5) == 0) {
            events->is_reserved = true;
            events->reserved++;
        }
    }
}

void pb_events_init(struct pb_events *events, pb_message_fn *on_message,
                    void *baton)
{
    memset(events, 0, sizeof *events);
    sse_init(&events->sse, on_line, events);
    events->on_message = on_message;
    events->baton = baton;
}

void pb_events_cleanup(struct pb_events *events)
{
    sse_cleanup(&events->sse);
}

bool pb_events_feed(struct pb_events *events, const char *at, size_t len)
{
    return sse_feed(&events->sse, at, len);
}
