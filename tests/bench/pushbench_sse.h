/*
 * Server-sent events, read in two ways: counted (cheap enough for millions a
 * second) and parsed (where the payload matters). Both see the same messages:
 * events with one `data` line that are not of a reserved type (`push.*`).
 */
#ifndef PUSHBENCH_SSE_H
#define PUSHBENCH_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sse.h"

/* Counts `data` and `event` lines; the bench publishes untyped events only,
 * so that an `event` line is one of the server's own. */
struct pb_count {
    char last[2];      /* the two bytes before the next one */
    uint64_t messages; /* `data` lines less `event` lines */
    uint64_t reserved; /* `event` lines */
};

void pb_count_init(struct pb_count *count);

/* Count on over the next bytes (borrowed) of the stream. */
void pb_count_feed(struct pb_count *count, const char *at, size_t len);

/* Called with the data line's value (borrowed until return). */
typedef void pb_message_fn(void *baton, const char *data, size_t len);

/* The messages themselves; pb_events_cleanup frees what it owns. */
struct pb_events {
    struct sse sse;
    bool is_reserved;  /* this event has a type `push.*` */
    uint64_t reserved; /* events of such a type so far */
    pb_message_fn *on_message;
    void *baton;
};

void pb_events_init(struct pb_events *events, pb_message_fn *on_message,
                    void *baton);
void pb_events_cleanup(struct pb_events *events);

/* Parse on. Returns false when memory ran out. */
bool pb_events_feed(struct pb_events *events, const char *at, size_t len);

#endif
