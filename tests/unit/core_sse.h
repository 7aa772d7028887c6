#ifndef CORE_SSE_H
#define CORE_SSE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * An event stream as its reader understands it: the parser of WHATWG HTML,
 * section "Interpreting an event stream", written from the steps there.
 */

#define SSE_ROOM ((size_t)1 << 17)

typedef struct sse_event_t {
    char id[128];
    char event[128];
    char enc[32]; /* our extra fields, else ignored */
    char ack[32];
    char *data; /* SSE_ROOM bytes */
    size_t data_len;
} sse_event_t;

/*
 * The first event of the stream; its data (with base64 undone where enc says
 * so) is owned by the caller.  Returns how many events the stream dispatches.
 */
int sse_read(const char *stream, size_t len, sse_event_t *first);

#endif
