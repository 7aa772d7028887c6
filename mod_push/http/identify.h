#ifndef PUSH_IDENTIFY_H
#define PUSH_IDENTIFY_H

#include "http/token.h"

/*
 * There is no path on which a missing or empty user means everyone: then the
 * answer is 401.
 */
const push_problem_t *push_identify(request_rec *r,
                                    const push_params_t *params,
                                    push_identity_t *identity);

/*
 * At an admin endpoint: whom it lets in receives as PUSH_OPERATOR.  The
 * identity is that of the token, if one is asked for, so that it ends with
 * that; else it is PUSH_OPERATOR, whatever PushUser says.
 */
const push_problem_t *push_identify_operator(request_rec *r,
                                             const push_params_t *params,
                                             push_identity_t *identity);

/* The user that operators are; nobody else is one whose name begins with $. */
#define PUSH_OPERATOR "$admin"

/* When streams of this identity end: mono ms; 0: never. */
int64_t push_identity_ends(const push_identity_t *identity,
                           const push_time_t *now);

#endif
