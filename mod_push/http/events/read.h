#ifndef PUSH_EVENTS_READ_H
#define PUSH_EVENTS_READ_H

#include "http/problem.h"
#include "triggers/event.h"

/*
 * CloudEvents as HTTP brings them (CloudEvents 1.0, HTTP protocol binding):
 * structured, batched, binary; or any JSON, whose type the query says.
 */

#define PUSH_EVENTS_MAX 1000 /* of a batch */

typedef struct push_events_input_t {
    const apr_table_t *headers;
    push_text_t body;
    const char *content_type; /* NULL: not given */
    /* of the query; NULL: not given */
    const char *type, *source, *id, *subject;
    const char *here;  /* the source of what names none */
    int64_t now;       /* wall ms */
    int64_t size_most; /* bytes of an event */
} push_events_input_t;

/* Whether the body is a batch, and may be as large as many events. */
bool push_events_batched(const char *content_type);

/*
 * Appends the events (push_trigger_event_t), which the pool owns; or the
 * problem of the first that is wrong, and then none of them is to be taken.
 */
const push_problem_t *push_events_read(apr_pool_t *pool,
                                       const push_events_input_t *input,
                                       apr_array_header_t *events);

#endif
