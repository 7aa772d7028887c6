#include "http/identify.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

static const push_problem_t *user_of(request_rec *r,
                                     const push_params_t *params,
                                     const char **user)
{
    const push_settings_t *settings = push_settings(r);
    const char *error = NULL;

    switch (settings->user_kind) {
    case PUSH_USER_QUERY:
        return push_params_one(params, settings->user_parameter, user);
    case PUSH_USER_EXPR:
        *user = ap_expr_str_exec(r, settings->user_expr, &error);
        if (error) {
            *user = NULL;
        }
        return NULL;
    default:
        *user = r->user;
        return NULL;
    }
}

static const push_problem_t *no_user(request_rec *r)
{
    if (ap_auth_type(r)) {
        /* Asks for credentials (RFC 9110, section 11.6.1). */
        ap_note_auth_failure(r);
    }
    return push_problem(r->pool, 401, "no-user",
                        "user: the request does not say for whom it is "
                        "(PushUser)");
}

static const push_problem_t *identify(request_rec *r,
                                      const push_params_t *params,
                                      push_identity_t *identity)
{
    const char *name = NULL;
    const push_problem_t *problem;

    if (push_settings(r)->user_kind == PUSH_USER_JWT) {
        return push_token_identify(r, identity);
    }
    problem = user_of(r, params, &name);
    if (!problem && (!name || !*name)) {
        problem = no_user(r);
    }
    identity->user = push_text_of(name);
    return problem;
}

const push_problem_t *push_identify(request_rec *r,
                                    const push_params_t *params,
                                    push_identity_t *identity)
{
    const push_problem_t *problem;

    memset(identity, 0, sizeof(*identity));
    problem = identify(r, params, identity);
    if (!problem && !push_name_valid(identity->user)) {
        problem = push_problem(r->pool, 400, "bad-parameter",
                               "user: 1-255 bytes of UTF-8 without controls");
    }
    if (!problem && identity->user.at[0] == '$') {
        problem = push_problem(r->pool, 403, "reserved-user",
                               "user: names that begin with $ are the "
                               "server's own");
    }
    if (!problem && identity->by_token) {
        /* The access log says who it was. */
        r->user = apr_pstrmemdup(r->pool, identity->user.at,
                                 identity->user.len);
    }
    return problem;
}

const push_problem_t *push_identify_operator(request_rec *r,
                                             const push_params_t *params,
                                             push_identity_t *identity)
{
    if (push_settings(r)->user_kind == PUSH_USER_JWT) {
        return push_identify(r, params, identity);
    }
    memset(identity, 0, sizeof(*identity));
    identity->user = push_text_of(PUSH_OPERATOR);
    return NULL;
}

int64_t push_identity_ends(const push_identity_t *identity,
                           const push_time_t *now)
{
    return identity->expires ? now->mono + identity->expires - now->wall : 0;
}
