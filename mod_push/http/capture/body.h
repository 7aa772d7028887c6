#ifndef PUSH_CAPTURE_BODY_H
#define PUSH_CAPTURE_BODY_H

#include <apr_tables.h>
#include <stdbool.h>

/* The body of an answer, as much of it as has passed. */
typedef struct push_captured_body_t {
    apr_off_t declared;        /* Content-Length; -1: it is not said */
    apr_off_t seen;            /* bytes */
    apr_off_t max;             /* that are kept; what is larger is not */
    apr_array_header_t *bytes; /* char; NULL: they are only counted */
} push_captured_body_t;

/* These bytes came next. */
void push_captured_body_add(push_captured_body_t *body, const char *data,
                            apr_size_t len);

/* True if no more of it is kept: then its bytes need not be read. */
static inline bool push_captured_body_over(const push_captured_body_t *body,
                                           apr_size_t next)
{
    return !body->bytes || body->seen + (apr_off_t)next > body->max;
}

/* True if as many bytes came as were declared. */
static inline bool push_captured_body_whole(const push_captured_body_t *body)
{
    return body->declared < 0 || body->declared == body->seen;
}

#endif
