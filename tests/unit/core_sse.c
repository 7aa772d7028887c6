#include "core_sse.h"

#include <stdlib.h>
#include <string.h>

#include "core_suite.h"

typedef struct {
    sse_event_t now;
    sse_event_t *first;
    bool any_data;
    int events;
} reader_t;

static void keep(char *to, size_t room, const char *value, size_t len)
{
    ck_assert_uint_lt(len, room);
    memcpy(to, value, len);
    to[len] = '\0';
}

/* "Process the field": a field that the standard does not know is ours. */
static void field(reader_t *r, const char *name, size_t name_len,
                  const char *value, size_t len)
{
#define NAMED(word) (name_len == strlen(word) && !memcmp(name, word, name_len))
    if (NAMED("data")) {
        NEEDS(r->now.data_len + len + 1 < SSE_ROOM, "too much data");
        memcpy(r->now.data + r->now.data_len, value, len);
        r->now.data_len += len;
        r->now.data[r->now.data_len++] = '\n';
        r->any_data = true;
    }
    else if (NAMED("event")) {
        keep(r->now.event, sizeof(r->now.event), value, len);
    }
    else if (NAMED("id")) {
        keep(r->now.id, sizeof(r->now.id), value, len);
    }
    else if (NAMED("enc")) {
        keep(r->now.enc, sizeof(r->now.enc), value, len);
    }
    else if (NAMED("ack")) {
        keep(r->now.ack, sizeof(r->now.ack), value, len);
    }
    else {
        ck_abort_msg("an unknown field: %.*s", (int)name_len, name);
    }
#undef NAMED
}

/* "Dispatch the event". */
static void dispatch(reader_t *r)
{
    if (r->any_data) {
        r->now.data_len--;
        if (!r->events++) {
            char *data = r->first->data;

            memcpy(data, r->now.data, r->now.data_len);
            *r->first = r->now;
            r->first->data = data;
        }
    }
    r->any_data = false;
    r->now.data_len = 0;
    r->now.event[0] = r->now.enc[0] = r->now.ack[0] = '\0';
}

/* A line without its end. */
static void line(reader_t *r, const char *at, size_t len)
{
    const char *colon = len ? memchr(at, ':', len) : NULL;
    const char *value;

    if (!len) {
        dispatch(r);
        return;
    }
    NEEDS(colon != at, "a comment");
    if (!colon) {
        field(r, at, len, "", 0);
        return;
    }
    value = colon + 1;
    if (value < at + len && *value == ' ') {
        value++;
    }
    field(r, at, (size_t)(colon - at), value, (size_t)(at + len - value));
}

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;

    NEEDS(found != NULL, "no digit of base64");
    return (int)(found - digits);
}

static void undo_base64(sse_event_t *event)
{
    size_t out = 0;

    ck_assert_uint_eq(event->data_len % 4, 0);
    for (size_t i = 0; i < event->data_len; i += 4) {
        int pads = (event->data[i + 2] == '=') + (event->data[i + 3] == '=');
        unsigned bits = 0;

        ck_assert(!pads || i + 4 == event->data_len);
        for (int j = 0; j < 4; j++) {
            bits = bits << 6
                   | (j < 4 - pads
                          ? (unsigned)base64_value(event->data[i + (size_t)j])
                          : 0u);
        }
        for (int j = 0; j < 3 - pads; j++) {
            event->data[out++] = (char)(bits >> (16 - 8 * j));
        }
    }
    event->data_len = out;
}

int sse_read(const char *stream, size_t len, sse_event_t *first)
{
    reader_t r = {.first = first};
    const char *end = stream + len;
    const char *at = stream;

    memset(first, 0, sizeof(*first));
    first->data = malloc(SSE_ROOM);
    r.now.data = malloc(SSE_ROOM);
    ck_assert(first->data && r.now.data);
    while (at < end) {
        const char *stop = at;

        while (stop < end && *stop != '\n' && *stop != '\r') {
            stop++;
        }
        NEEDS(stop < end, "the last line has no end");
        line(&r, at, (size_t)(stop - at));
        at = stop
             + (*stop == '\r' && stop + 1 < end && stop[1] == '\n' ? 2 : 1);
    }
    free(r.now.data);
    if (!strcmp(first->enc, "base64")) {
        undo_base64(first);
    }
    return r.events;
}
