#ifndef PUSH_TOKEN_H
#define PUSH_TOKEN_H

#include "http/params.h"
#include "http/settings.h"

/* Identity by token (PushUser jwt): RFC 6750, RFC 7519. */

/*
 * The identity of a request, and what its token allows.  Lives as long as r.
 */
typedef struct push_identity_t {
    push_text_t user;
    bool by_token;          /* the rest is what the token allows */
    const json_t *channels; /* that may be subscribed; NULL: none */
    const json_t *publish;  /* whom may be published to; NULL: nobody */
    bool admin;
    int64_t expires; /* wall ms, the leeway included; 0: never */
    int64_t issued;  /* wall ms; 0: it does not say */
} push_identity_t;

/*
 * Takes the token from Authorization: Bearer, else from the cookie that
 * PushJWTCookie names; verifies it, and says who it is for and what it
 * allows.  A problem comes with its WWW-Authenticate.
 */
const push_problem_t *push_token_identify(request_rec *r,
                                          push_identity_t *identity);

/*
 * Whether a token that was valid still is: NULL, or as push_token_identify().
 * The problem is in the pool.
 */
const push_problem_t *push_token_recheck(request_rec *r, apr_pool_t *pool,
                                         const push_identity_t *identity);

/*
 * No token travels in a URL, where logs and Referer would have it: a request
 * with a parameter that looks like one is refused, and the access log gets
 * no query.
 */
const push_problem_t *push_token_check_query(request_rec *r,
                                             const push_params_t *params);

/*
 * Takes the query out of what httpd logs of the request, and of those that led
 * to it: by an internal redirect, or as the page that it is a part of.
 */
void push_token_hide_query(request_rec *r);

/* True if the request has a Bearer token, which no browser adds by itself. */
bool push_token_is_bearer(const request_rec *r);

#endif
