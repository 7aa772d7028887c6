#include "http/identify.h"

#include <ap_expr.h>
#include <http_protocol.h>

#include "http/settings.h"

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

const push_problem_t *push_identify(request_rec *r,
                                    const push_params_t *params,
                                    push_text_t *user)
{
    const char *name = NULL;
    const push_problem_t *problem = user_of(r, params, &name);

    if (problem) {
        return problem;
    }
    if (!name || !*name) {
        return push_problem(r->pool, 401, "no-user",
                            "user: the request does not say for whom it is "
                            "(PushUser)");
    }
    *user = push_text_of(name);
    if (!push_name_valid(*user)) {
        return push_problem(r->pool, 400, "bad-parameter",
                            "user: 1-255 bytes of UTF-8 without controls");
    }
    return NULL;
}

const push_problem_t *push_check_forgery(request_rec *r)
{
    if (!apr_table_get(r->headers_in, "Cookie")
        || apr_table_get(r->headers_in, "Authorization")
        || apr_table_get(r->headers_in, "Push-Client")) {
        return NULL;
    }
    return push_problem(r->pool, 403, "forgery",
                        "Push-Client: a request with a cookie must carry "
                        "this header, or Authorization");
}

/* The origin as it is configured, or NULL if it is not. */
static const char *allowed_origin(const push_settings_t *settings,
                                  const char *origin)
{
    for (int i = 0; settings->origins && i < settings->origins->nelts; i++) {
        const char *entry = APR_ARRAY_IDX(settings->origins, i, const char *);

        if (origin && !strcmp(entry, origin)) {
            return entry;
        }
    }
    return NULL;
}

bool push_cross_origin(request_rec *r)
{
    const char *allowed = allowed_origin(
        push_settings(r), apr_table_get(r->headers_in, "Origin"));

    apr_table_mergen(r->err_headers_out, "Vary",
                     "Origin, Cookie, Authorization");
    if (allowed) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin",
                       allowed);
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Credentials",
                       "true");
        apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers",
                       "Push-Device, Retry-After");
    }
    if (r->method_number != M_OPTIONS) {
        return true;
    }
    if (allowed) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods",
                       "GET, POST");
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Headers",
                       "Authorization, Last-Event-ID, Push-Client, "
                       "Cache-Control");
        apr_table_setn(r->err_headers_out, "Access-Control-Max-Age", "600");
    }
    r->status = HTTP_NO_CONTENT;
    return false;
}
