#include "store/disk/record_old.h"

#include <stdbool.h>
#include <string.h>

#include "codec/base64.h"
#include "core/message.h"

#define FORM_3 3

/* The head's bytes; see store/disk/record.c. */
#define FATE_AT   1u /* 0: it is live */
#define NAME_AT   4u /* lengths of name, topic and device */
#define TOPIC_AT  5u
#define DEVICE_AT 6u

/*
 * The old value, and how much of it has been read.  The new one is never
 * longer than what was read so far, so both are in the same memory.
 */
typedef struct {
    char *at;
    const char *end;
} frame_t;

static bool take(frame_t *frame, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(frame->end - frame->at) < len
        || memcmp(frame->at, text, len)) {
        return false;
    }
    frame->at += len;
    return true;
}

/* The rest of a line, without its LF; -1 if there is none. */
static long take_line(frame_t *frame, char **line)
{
    char *stop = memchr(frame->at, '\n', (size_t)(frame->end - frame->at));

    if (!stop) {
        return -1;
    }
    *line = frame->at;
    frame->at = stop + 1;
    return (long)(stop - *line);
}

/* The event type moves to `to`; -1 if it is none. */
static long take_event(frame_t *frame, char *to)
{
    char *event;
    long len;

    if (!take(frame, "event: ")) {
        return 0;
    }
    len = take_line(frame, &event);
    if (len < 0 || !push_event_valid(event, (size_t)len)) {
        return -1;
    }
    memmove(to, event, (size_t)len);
    return len;
}

static long take_base64(frame_t *frame, char *to)
{
    size_t count;
    char *text;
    long len = take(frame, "data: ") ? take_line(frame, &text) : -1;

    return len >= 0 && push_base64_decode(text, (size_t)len, to, &count)
               ? (long)count
               : -1;
}

/* Lines of the payload move to `to`, an LF between two of them. */
static long take_lines(frame_t *frame, char *to)
{
    char *at = to;
    bool more = take(frame, "data: ");

    if (!more) {
        return -1;
    }
    while (more) {
        char *line;
        long len = take_line(frame, &line);

        if (len < 0) {
            return -1;
        }
        memmove(at, line, (size_t)len);
        at += len;
        more = take(frame, "data: ");
        if (more) {
            *at++ = '\n';
        }
    }
    return (long)(at - to);
}

/* Returns the length of what it made at to, -1 if there is no such frame. */
static long unframe(frame_t *frame, char *to)
{
    char *body = to + PUSH_MESSAGE_BODY;
    long event = take_event(frame, body);
    long data;
    uint32_t len;

    if (event < 0) {
        return -1;
    }
    take(frame, "ack: now\n"); /* as the head says */
    data = take(frame, "enc: base64\n") ? take_base64(frame, body + event)
                                        : take_lines(frame, body + event);
    if (data < 0 || !take(frame, "\n") || frame->at != frame->end) {
        return -1;
    }
    len = (uint32_t)data;
    to[0] = (char)event;
    to[1] = 0;
    memcpy(to + 2, &len, sizeof(len));
    return (long)PUSH_MESSAGE_BODY + event + data;
}

static size_t length_at(const char *value, unsigned at)
{
    return (unsigned char)value[at];
}

/* Behind head, name, topic and device; 0: they are not all there. */
static size_t body_at(const char *value, uint32_t len)
{
    size_t at = PUSH_MESSAGE_HEAD;

    if (len >= at) {
        at += length_at(value, NAME_AT) + length_at(value, TOPIC_AT)
              + length_at(value, DEVICE_AT);
    }
    return at <= len ? at : 0;
}

/* No event type was so long that its length could be taken for a trace. */
static void upgrade_3(char *value, uint32_t len, size_t body)
{
    if (value[FATE_AT] || body == len
        || !(length_at(value, (unsigned)body) & PUSH_MESSAGE_TRACED)) {
        value[PUSH_MESSAGE_FORM_AT] = PUSH_MESSAGE_FORM;
    }
}

uint32_t push_message_upgrade(char *value, uint32_t len)
{
    size_t before = body_at(value, len);
    frame_t frame;
    long made = 0;

    if (before && value[PUSH_MESSAGE_FORM_AT] == FORM_3) {
        upgrade_3(value, len, before);
        return len;
    }
    if (!before || value[PUSH_MESSAGE_FORM_AT]) {
        return len;
    }
    frame = (frame_t){value + before, value + len};
    if (!value[FATE_AT]) {
        made = unframe(&frame, value + before);
    }
    else if (before != len) {
        return len;
    }
    if (made < 0) {
        return len;
    }
    value[PUSH_MESSAGE_FORM_AT] = PUSH_MESSAGE_FORM;
    return (uint32_t)(before + (size_t)made);
}
