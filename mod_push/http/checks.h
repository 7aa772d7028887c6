#ifndef PUSH_CHECKS_H
#define PUSH_CHECKS_H

#include "http/params.h"

/*
 * The checks that every request has to pass before anything is looked up for
 * it, so that a refusal tells nothing of what is there.
 */

/* The headers of every answer: not to be stored, and of no other type. */
void push_common_headers(request_rec *r);

/* The query, decoded; a problem also if there is a token in it. */
const push_problem_t *push_check_query(request_rec *r, push_params_t *params);

/*
 * Hook log_transaction, before anything is logged: a ticket or a token is in no
 * log either where a request of ours was refused before its handler looked, or
 * where an internal redirect led to it, or away from it.
 */
int push_clean_log(request_rec *r);

/*
 * A problem if a browser says (Origin, Sec-Fetch-Site) that the request comes
 * from a page that is neither the server's own nor of an allowed origin.
 */
const push_problem_t *push_check_page(request_rec *r);

/*
 * A request that changes something must not be one that any page could send
 * on behalf of its visitor: push_check_page(), and with a cookie it must also
 * carry Push-Client or a Bearer token, which a page of another origin cannot
 * add unasked.
 */
const push_problem_t *push_check_forgery(request_rec *r);

/*
 * The Host of a request to the administration must be a name of the virtual
 * host, localhost or an address: a name that somebody lets point here later
 * (DNS rebinding) is none of them.
 */
const push_problem_t *push_check_host(request_rec *r);

/*
 * Cross-origin requests of browsers (Fetch, section 3.2), preflights too: adds
 * the headers for an allowed origin.
 */
void push_cross_origin(request_rec *r);

#endif
