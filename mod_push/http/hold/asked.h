#ifndef PUSH_HOLD_ASKED_H
#define PUSH_HOLD_ASKED_H

#include <httpd.h>

#include "http/problem.h"

/*
 * What an application asks for by the headers of an answer whose connection is
 * to be held (docs/protocol.md, "Hold").
 */
typedef struct push_asked_t {
    bool polls;                         /* the client gets one answer */
    bool verbatim;                      /* which is published whole */
    int status;                         /* of the answer that waited in vain;
                                           0: the application's */
    uint32_t wait;                      /* ms; how long that may take */
    const char *user;                   /* NULL: it does not say */
    const char *device;                 /* likewise */
    const apr_array_header_t *channels; /* push_text_t, valid names */
    uint32_t heartbeat;                 /* ms; 0: PushHeartbeat */
} push_asked_t;

/* True if one of the headers that were taken asks for a hold. */
bool push_asked_is(const apr_table_t *taken);

/* Reads all of them; the application is to blame for a problem (502). */
const push_problem_t *push_asked_read(request_rec *r, const apr_table_t *taken,
                                      push_asked_t *asked);

/* A problem of an answer that asks for what it may not have, as printf. */
const push_problem_t *push_asked_bad(apr_pool_t *pool, const char *detail, ...)
    __attribute__((format(printf, 2, 3)));

#endif
