#include "http/admin/admin.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>

#include "http/publish/allow.h"
#include "http/endpoint.h"
#include "http/gate.h"
#include "http/publish/publish.h"
#include "http/runtime.h"
#include "http/admin/dismiss.h"
#include "http/admin/show.h"

/* The way from a path below the Location to what answers it. */

static int not_found(request_rec *r)
{
    return push_problem_send(
        r, push_problem(r->pool, 404, "not-found",
                        "path: messages, messages/<mid>, "
                        "users/<user>/devices, users/<user>/streams, "
                        "users/<user>/revoke, devices/<context id>, "
                        "channels, stats, check or health"));
}

static int wrong_method(request_rec *r, const char *allowed)
{
    apr_table_setn(r->err_headers_out, "Allow", allowed);
    return push_problem_send(r, push_problem(r->pool, 405, "bad-method",
                                             "method: %s", allowed));
}

static int messages(request_rec *r, const char *unused)
{
    (void)unused;
    return r->method_number == M_POST ? push_publish(r)
                                      : wrong_method(r, "POST");
}

static int message(request_rec *r, const char *mid)
{
    if (r->method_number == M_GET) {
        return push_show_message(r, mid);
    }
    if (r->method_number == M_DELETE) {
        return push_recall_message(r, mid);
    }
    return wrong_method(r, "GET, HEAD, DELETE");
}

static int devices(request_rec *r, const char *user)
{
    return r->method_number == M_GET ? push_show_devices(r, user)
                                     : wrong_method(r, "GET, HEAD");
}

static int device(request_rec *r, const char *id)
{
    return r->method_number == M_GET ? push_show_device(r, id)
                                     : wrong_method(r, "GET, HEAD");
}

static int channels(request_rec *r, const char *unused)
{
    (void)unused;
    return r->method_number == M_GET ? push_show_channels(r)
                                     : wrong_method(r, "GET, HEAD");
}

static int stats(request_rec *r, const char *unused)
{
    (void)unused;
    return r->method_number == M_GET ? push_show_stats(r)
                                     : wrong_method(r, "GET, HEAD");
}

static int health(request_rec *r, const char *unused)
{
    (void)unused;
    return r->method_number == M_GET ? push_show_health(r)
                                     : wrong_method(r, "GET, HEAD");
}

static int streams(request_rec *r, const char *user)
{
    return r->method_number == M_DELETE ? push_dismiss_streams(r, user)
                                        : wrong_method(r, "DELETE");
}

static int revocation(request_rec *r, const char *user)
{
    return r->method_number == M_POST ? push_revoke_tokens(r, user)
                                      : wrong_method(r, "POST");
}

static int check(request_rec *r, const char *unused)
{
    (void)unused;
    return r->method_number == M_GET ? push_show_check(r)
                                     : wrong_method(r, "GET, HEAD");
}

#define PARTS_MAX 3

/* "*" stands for one part that is handed on. */
static const struct {
    const char *parts[PARTS_MAX];
    int count;
    int (*answer)(request_rec *r, const char *part);
} routes[] = {{{"users", "*", "devices"}, 3, devices},
              {{"users", "*", "streams"}, 3, streams},
              {{"users", "*", "revoke"}, 3, revocation},
              {{"streams"}, 1, streams},
              {{"revoke"}, 1, revocation},
              {{"messages", "*"}, 2, message},
              {{"devices", "*"}, 2, device},
              {{"messages"}, 1, messages},
              {{"channels"}, 1, channels},
              {{"stats"}, 1, stats},
              {{"check"}, 1, check},
              {{"health"}, 1, health}};

/* True if the path below the base is the route, part by part. */
static bool is_route(const apr_array_header_t *path, const char *const *parts,
                     int count, const char **part)
{
    if (path->nelts != count) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        const char *at = APR_ARRAY_IDX(path, i, const char *);

        if (!strcmp(parts[i], "*") && *at) {
            *part = at;
        }
        else if (strcmp(parts[i], at)) {
            return false;
        }
    }
    return true;
}

/* What a token may publish is asked when it is known to whom. */
static bool publishes(const apr_array_header_t *path)
{
    static const char *const parts[] = {"messages"};
    const char *part;

    return is_route(path, parts, 1, &part);
}

/*
 * Nobody is let in by an omission: what an outer section requires may have
 * been written for pages that everybody may see.
 */
static const push_problem_t *check_access(request_rec *r)
{
    if (push_endpoint(r)->guarded && ap_some_auth_required(r)) {
        return NULL;
    }
    return push_problem(r->pool, 403, "no-require",
                        "this Location is closed until a Require beside its "
                        "PushEndpoint says who may use it");
}

/* With PushUser jwt the token decides, beside httpd's access control. */
static const push_problem_t *check_token(request_rec *r,
                                         const push_params_t *params)
{
    push_identity_t identity;
    const push_problem_t *problem;

    if (push_settings(r)->user_kind != PUSH_USER_JWT) {
        return NULL;
    }
    problem = push_identify(r, params, &identity);
    if (!problem) {
        push_allow_set(r, &identity);
    }
    return problem;
}

static bool changes_nothing(const request_rec *r)
{
    return r->method_number == M_GET || r->method_number == M_OPTIONS;
}

/* All that does not depend on what is asked for. */
static const push_problem_t *check_request(request_rec *r)
{
    const push_problem_t *problem = check_access(r);
    push_params_t params;

    if (!problem) {
        problem = push_check_host(r);
    }
    if (!problem) {
        problem = push_gate_query(r, &params);
    }
    if (!problem && !changes_nothing(r)) {
        problem = push_check_forgery(r);
    }
    return problem ? problem : check_token(r, &params);
}

int push_admin(request_rec *r)
{
    const apr_array_header_t *path = push_endpoint_parts(r);
    const push_problem_t *problem = check_request(r);

    if (!problem && !publishes(path)) {
        problem = push_allow_admin(r);
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        const char *part = NULL;

        if (is_route(path, routes[i].parts, routes[i].count, &part)) {
            return routes[i].answer(r, part);
        }
    }
    return not_found(r);
}
