/*
 * head.h - the fields of an answer's head that a client goes by.
 *
 * Pure: knows no transport. docs/protocol.md, "Receive".
 */
#ifndef PUSHC_HEAD_H
#define PUSHC_HEAD_H

#include <stddef.h>
#include <stdint.h>

#define PUSHC_SESSION_MAX 33 /* of Push-Session, with its NUL */
#define PUSHC_CURSOR_MAX  64 /* of Push-Cursor */

struct pushc_head {
    uint64_t retry_after;            /* ms, 0: not told */
    char retry_date[40];             /* Retry-After as a date, or "" */
    char session[PUSHC_SESSION_MAX]; /* Push-Session, or "" */
    char cursor[PUSHC_CURSOR_MAX];   /* Push-Cursor, of a poll, or "" */
    uint64_t window;                 /* Push-Window, 0: not told */
    uint64_t max_message;            /* Push-Max-Message, 0: not told */
};

/* Take one line of the head, of n bytes, with or without its line end; a
 * status line begins anew. A malformed field counts as not told. */
void pushc_head_line(struct pushc_head *head, const char *line, size_t n);

/* Whether an HTTP status asks to try again later: 408, 425, 429, 5xx. */
int pushc_head_is_temporary(long http_status);

/* Whether a Content-Type is text/event-stream, whatever its parameters. */
int pushc_head_is_stream(const char *content_type);

#endif
