#ifndef PUSH_IDENTIFY_H
#define PUSH_IDENTIFY_H

#include "http/params.h"

/*
 * Who asks.  There is no path on which a missing or empty user means
 * everyone: then the answer is 401.
 */
const push_problem_t *push_identify(request_rec *r,
                                    const push_params_t *params,
                                    push_text_t *user);

/*
 * A request that changes something must not be one that any page could send
 * on behalf of its visitor: with a cookie it also carries Authorization or
 * Push-Client.
 */
const push_problem_t *push_check_forgery(request_rec *r);

/*
 * Cross-origin requests of browsers (Fetch, section 3.2): adds the headers
 * for an allowed origin.  False if the request was a preflight, which is
 * answered then.
 */
bool push_cross_origin(request_rec *r);

#endif
