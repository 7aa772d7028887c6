#ifndef PUSH_VERBATIM_H
#define PUSH_VERBATIM_H

#include <stdbool.h>

#include "http/problem.h"

/*
 * A whole answer of HTTP/1.1 as its bytes, for a client whose request left
 * httpd before it was answered.  Its connection ends behind it.
 */
typedef struct push_verbatim_t {
    int code;
    const char *reason;         /* NULL: the usual one */
    const apr_table_t *headers; /* those of the connection, and the length of
                                   the body, are left out; may be NULL */
    push_text_t body;
} push_verbatim_t;

/* How the channels begin on which such answers are published. */
#define PUSH_VERBATIM_CHANNELS "$grip/"

/* The longest name of a channel that has one of these. */
#define PUSH_VERBATIM_NAME_MAX (255 - (sizeof(PUSH_VERBATIM_CHANNELS) - 1))

/* In the pool; unless a header says else, no cache keeps it. */
push_text_t push_verbatim_write(apr_pool_t *pool,
                                const push_verbatim_t *answer);

/*
 * The head of such an answer, read back from the first bytes of it: what of
 * them belongs to the head, 0 where its end is not among them, -1 where they
 * are no such answer.  The body is left alone; all else is in the pool.
 */
int64_t push_verbatim_read(apr_pool_t *pool, push_text_t bytes,
                           push_verbatim_t *answer);

/* True if this may be the name of a header, and this its value. */
bool push_verbatim_header_valid(const char *name, const char *value);

/* The same of a reason. */
bool push_verbatim_reason_valid(const char *reason);

#endif
