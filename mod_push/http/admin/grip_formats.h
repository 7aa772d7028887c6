#ifndef PUSH_GRIP_FORMATS_H
#define PUSH_GRIP_FORMATS_H

#include <jansson.h>

#include "http/publish/inject.h"

/*
 * The formats of an item of GRIP as messages.  That of streams is the bytes
 * which each of them gets: here these are Server-Sent Events, which are read
 * back.  That of responses is a whole answer, for requests that wait for one.
 */
typedef struct push_grip_items_t {
    request_rec *r;
    apr_array_header_t *messages; /* push_injected_t */
    const char *channel;          /* of the item that is read */
} push_grip_items_t;

/* The problem with an item. */
const push_problem_t *push_grip_bad(const push_grip_items_t *items,
                                    const char *detail, ...)
    __attribute__((format(printf, 2, 3)));

/* http-stream: each event is a message; action close ends the streams. */
const push_problem_t *push_grip_stream(push_grip_items_t *items,
                                       const json_t *format);

/* http-response: one message, which is the answer. */
const push_problem_t *push_grip_response(push_grip_items_t *items,
                                         const json_t *format);

#endif
