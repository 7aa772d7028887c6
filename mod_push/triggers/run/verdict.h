#ifndef PUSH_VERDICT_H
#define PUSH_VERDICT_H

#include "core/types.h"

/* What the answer of a backend means for the message that asked. */
typedef enum push_verdict_t {
    PUSH_VERDICT_DONE,    /* there is an answer; it is published */
    PUSH_VERDICT_NOTHING, /* there is nothing to publish */
    PUSH_VERDICT_LATER,   /* it may be better the next time */
    PUSH_VERDICT_DEAD     /* it will not be */
} push_verdict_t;

/* HTTP status; 0: there was none, of a connection that failed or timed out. */
push_verdict_t push_verdict_of(long status);

/*
 * ms until the attempt behind this one (0: the first): half a second, doubled
 * with each, five minutes at most, of which random (any 64 bits) takes a part
 * of 0 to all; but not before the backend wants it (ms, or 0), an hour at
 * most.
 */
int64_t push_verdict_delay(unsigned attempt, uint64_t random, int64_t after);

#endif
