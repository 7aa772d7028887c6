#include "http/admin/admin.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>

#include "http/publish/allow.h"
#include "http/endpoint.h"
#include "http/checks.h"
#include "http/publish/publish.h"
#include "http/rejection.h"
#include "http/runtime.h"
#include "http/admin/assign.h"
#include "http/admin/cluster.h"
#include "http/admin/dismiss.h"
#include "http/admin/grip.h"
#include "http/admin/health.h"
#include "http/admin/lists.h"
#include "http/admin/metrics.h"
#include "http/admin/pages.h"
#include "http/admin/receipt.h"
#include "http/admin/explain.h"
#include "http/admin/reports.h"
#include "http/admin/scheduled.h"
#include "http/admin/show.h"
#include "http/admin/triggers.h"
#include "http/events/events.h"
#include "http/places/fences.h"
#include "http/subscribe/receive.h"

/* The way from a path below the Location to what answers it. */

static int not_found(request_rec *r)
{
    return push_problem_send(
        r,
        push_problem(
            r->pool, 404, "not-found",
            "path: / (the dashboard), messages, messages/<mid>, events, "
            "publish, receipts/<mid>, scheduled, scheduled/<id>, "
            "users/<user>/devices, users/<user>/streams, "
            "users/<user>/revoke, users/<user>/channels, "
            "users/<user>/channels/<channel>, subscriptions, users, devices, "
            "devices/<context id>, channels, streams, children, cluster, "
            "explain, fences, fences/<name>, triggers, triggers/<name>/dead, "
            "triggers/<name>/retry, stats, metrics, reports, check, "
            "health, receive or "
            "ack"));
}

static const char *method_name(int method)
{
    return method == M_GET    ? "GET, HEAD"
           : method == M_POST ? "POST"
           : method == M_PUT  ? "PUT"
                              : "DELETE";
}

static int wrong_method(request_rec *r, const char *allowed)
{
    apr_table_setn(r->err_headers_out, "Allow", allowed);
    return push_problem_send(r, push_problem(r->pool, 405, "bad-method",
                                             "method: %s", allowed));
}

/* Operators receive and acknowledge as subscribers do. */
static int receive(request_rec *r, const char *none)
{
    (void)none;
    return push_receive(r);
}

static int ack(request_rec *r, const char *none)
{
    (void)none;
    return push_ack(r);
}

#define PARTS_MAX 4

/* "*" stands for one part; the last of them is handed on. */
static const struct {
    const char *parts[PARTS_MAX];
    int count;
    int method;
    int (*answer)(request_rec *r, const char *part);
} routes[] = {
    {{NULL}, 0, M_GET, push_page_redirect},
    {{""}, 1, M_GET, push_page_index},
    {{"ui", "*"}, 2, M_GET, push_page_file},
    {{"ui", "sdk", "*"}, 3, M_GET, push_page_sdk},
    {{"users", "*", "devices"}, 3, M_GET, push_show_devices},
    {{"users", "*", "streams"}, 3, M_DELETE, push_dismiss_streams},
    {{"users", "*", "revoke"}, 3, M_POST, push_revoke_tokens},
    {{"users", "*", "channels"}, 3, M_GET, push_show_assigned},
    {{"users", "*", "channels", "*"}, 4, M_GET, push_show_assignment},
    {{"users", "*", "channels", "*"}, 4, M_PUT, push_assign},
    {{"users", "*", "channels", "*"}, 4, M_DELETE, push_unassign},
    {{"subscriptions"}, 1, M_GET, push_show_assigned},
    {{"subscriptions"}, 1, M_PUT, push_assign},
    {{"subscriptions"}, 1, M_DELETE, push_unassign},
    {{"subscriptions"}, 1, M_POST, push_assign_lines},
    {{"users"}, 1, M_GET, push_show_devices},
    {{"devices"}, 1, M_GET, push_show_devices},
    {{"streams"}, 1, M_GET, push_show_streams},
    {{"children"}, 1, M_GET, push_show_children},
    {{"cluster"}, 1, M_GET, push_show_cluster},
    {{"streams"}, 1, M_DELETE, push_dismiss_streams},
    {{"revoke"}, 1, M_POST, push_revoke_tokens},
    {{"messages", "*"}, 2, M_GET, push_show_message},
    {{"messages", "*"}, 2, M_DELETE, push_recall_message},
    {{"receipts", "*"}, 2, M_GET, push_show_receipt},
    {{"devices", "*"}, 2, M_GET, push_show_device},
    {{"messages"}, 1, M_POST, push_publish},
    {{"events"}, 1, M_POST, push_events_take},
    {{"triggers"}, 1, M_GET, push_show_triggers},
    {{"triggers", "*", "dead"}, 3, M_GET, push_show_dead},
    {{"triggers", "*", "dead"}, 3, M_DELETE, push_forget_dead},
    {{"triggers", "*", "retry"}, 3, M_POST, push_retry_dead},
    {{"publish"}, 1, M_POST, push_grip_publish},
    {{"publish", ""}, 2, M_POST, push_grip_publish},
    {{"channels"}, 1, M_GET, push_show_channels},
    {{"scheduled"}, 1, M_GET, push_show_scheduled},
    {{"scheduled", "*"}, 2, M_GET, push_show_later},
    {{"scheduled", "*"}, 2, M_DELETE, push_recall_later},
    {{"fences"}, 1, M_GET, push_show_fences},
    {{"fences", "*"}, 2, M_GET, push_show_fence},
    {{"fences", "*"}, 2, M_PUT, push_put_fence},
    {{"fences", "*"}, 2, M_DELETE, push_remove_fence},
    {{"explain"}, 1, M_GET, push_show_explanation},
    {{"stats"}, 1, M_GET, push_show_stats},
    {{"receive"}, 1, M_GET, receive},
    {{"ack"}, 1, M_POST, ack},
    {{"metrics"}, 1, M_GET, push_show_metrics},
    {{"reports"}, 1, M_GET, push_show_reports},
    {{"check"}, 1, M_GET, push_show_check},
    {{"health"}, 1, M_GET, push_show_health}};

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

/* Whether a token may publish is asked when it is known to whom. */
static bool publishes(const apr_array_header_t *path)
{
    static const char *const messages[] = {"messages"};
    static const char *const items[] = {"publish", ""};
    const char *part;

    return is_route(path, messages, 1, &part)
           || is_route(path, items, 1, &part)
           || is_route(path, items, 2, &part);
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
    push_params_t params;

    return check_access(r)
        ?: push_check_host(r)
        ?: push_check_query(r, &params)
        ?: (changes_nothing(r) ? NULL : push_check_forgery(r))
        ?: check_token(r, &params);
}

int push_admin(request_rec *r)
{
    const apr_array_header_t *path = push_endpoint_parts(r);
    const push_problem_t *problem = check_request(r);
    const char *allowed = NULL;

    if (!problem && !publishes(path)) {
        problem = push_allow_admin(r);
    }
    if (problem) {
        return push_problem_send(r, publishes(path) ? push_rejection(problem)
                                                    : problem);
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        const char *part = NULL;

        if (!is_route(path, routes[i].parts, routes[i].count, &part)) {
            continue;
        }
        if (routes[i].method == r->method_number) {
            return routes[i].answer(r, part);
        }
        allowed = apr_pstrcat(r->pool, allowed ? allowed : "",
                              allowed ? ", " : "",
                              method_name(routes[i].method), NULL);
    }
    return allowed ? wrong_method(r, allowed) : not_found(r);
}
