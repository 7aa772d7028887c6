#ifndef PUSH_SUBSCRIBE_OPEN_H
#define PUSH_SUBSCRIBE_OPEN_H

#include "http/subscribe/subscriber.h"

/*
 * From a subscriber whose wishes are known to its stream: a place at a
 * reactor, the check-in, the head, the hand-over.
 */

/* Why the connection of the request can carry no such stream; NULL: it can. */
const push_problem_t *push_open_refusal(request_rec *r,
                                        const push_subscriber_t *subscriber);

/* Sets the head of a stream or a poll that is only asked about (HEAD). */
void push_open_head(request_rec *r, const push_subscriber_t *subscriber);

/*
 * Opens the stream, or answers the poll or why there is none; returns what a
 * handler returns.  A stream's connection leaves httpd when the request has
 * ended; over HTTP/2 the call blocks until the stream ends.
 */
int push_open(request_rec *r, push_subscriber_t *subscriber);

#endif
