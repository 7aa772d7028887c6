#ifndef PUSH_ALLOW_H
#define PUSH_ALLOW_H

#include "http/publish/fields.h"
#include "http/identify.h"

/* The permissions of a publisher: to whom, and how often. */

/* Notes who asks, for the rest of the request. */
void push_allow_set(request_rec *r, const push_identity_t *identity);

/* For all but publishing: with a token, its admin claim. */
const push_problem_t *push_allow_admin(request_rec *r);

/* With a token: that its publish claim allows anything at all. */
const push_problem_t *push_allow_any(request_rec *r);

/* With a token: that it has neither expired nor been revoked meanwhile. */
const push_problem_t *push_allow_still(request_rec *r, apr_pool_t *pool);

/*
 * With a token: that it is still good, and its publish claim.  It is asked
 * before anything is looked up, so that a refusal tells nothing of who exists.
 * The problem is in the pool: of a request, or of one of its many lines.
 */
const push_problem_t *push_allow_audience(request_rec *r, apr_pool_t *pool,
                                          const push_publication_t *asked);

/* Idempotency keys of different tokens' users never meet. */
void push_allow_key(request_rec *r, apr_pool_t *pool,
                    push_publication_t *asked);

/*
 * One more publish of this publisher, and to this user, if it is one: 429
 * where there are too many (PushPublisherRate, PushUserRate).  A broker that
 * paces says so of the user's later, see push_allow_settled(), unless this is
 * a line of many whose refusal has to be known before the next one.  single:
 * sets the RateLimit fields of the answer
 * (draft-ietf-httpapi-ratelimit-headers).
 */
const push_problem_t *push_allow_rate(request_rec *r, apr_pool_t *pool,
                                      push_publication_t *asked, bool single);

/* What came of a publication; single: the same. */
const push_problem_t *push_allow_settled(request_rec *r, apr_pool_t *pool,
                                         push_status_t status,
                                         const push_answer_t *answer,
                                         bool single);

#endif
