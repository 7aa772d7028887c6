#ifndef PUSH_TOKEN_H
#define PUSH_TOKEN_H

#include "http/identify.h"

/* Identity by token (PushUser jwt): RFC 6750, RFC 7519. */

/*
 * Takes the token from Authorization: Bearer, else from the cookie that
 * PushJWTCookie names; verifies it, and says who it is for and what it
 * allows.  A problem comes with its WWW-Authenticate.
 */
const push_problem_t *push_token_identify(request_rec *r,
                                          push_identity_t *identity);

/* The token was valid, and is not any more. */
const push_problem_t *push_token_revoked(request_rec *r);

/*
 * No token travels in a URL, where logs and Referer would have it: a request
 * with a parameter that looks like one is refused, and the access log gets
 * no query.
 */
const push_problem_t *push_token_check_query(request_rec *r,
                                             const push_params_t *params);

/* Takes the query out of what httpd logs of the request. */
void push_token_hide_query(request_rec *r);

/* True if the request has a Bearer token, which no browser adds by itself. */
bool push_token_is_bearer(const request_rec *r);

/*
 * The token is valid but allows too little (RFC 6750, section 3.1).  detail
 * lives as long as r.
 */
const push_problem_t *push_token_too_little(request_rec *r,
                                            const char *detail);

#endif
