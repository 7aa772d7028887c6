#ifndef PUSH_SUBSCRIBE_HEAD_H
#define PUSH_SUBSCRIBE_HEAD_H

#include "http/subscribe/subscriber.h"

/* The head of what GET receive answers, and the first line of a stream. */

/* Says that no cache keeps the answer. */
void push_head_set(request_rec *r);

/* Adds what a client would have to be configured with otherwise. */
void push_head_limits(request_rec *r);

/* Whose stream it is, and the name of the numbers that it gives. */
void push_head_stream(request_rec *r, const push_stream_ref_t *stream_ref,
                      uint64_t session);

/*
 * From ms / 2 to 3 ms / 2: the first reconnects of many clients must not fall
 * together.  They do not where their requests did not come in one microsecond.
 */
uint32_t push_head_jitter(const request_rec *r, int64_t ms);

/* When to come again, as the first event of a stream. */
const char *push_head_retry(request_rec *r);

#endif
