#ifndef PUSH_IDENTIFY_H
#define PUSH_IDENTIFY_H

#include "http/params.h"
#include "http/settings.h"

/* Who asks, and what a token says that they may.  Lives as long as r. */
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
