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

/* When streams of this identity end: mono ms; 0: never. */
int64_t push_identity_ends(const push_identity_t *identity,
                           const push_time_t *now);

#endif
