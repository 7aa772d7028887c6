#include "http/checks.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <http_protocol.h>

#include "http/endpoint.h"
#include "http/settings.h"
#include "http/token.h"

void push_common_headers(request_rec *r)
{
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
}

const push_problem_t *push_check_query(request_rec *r, push_params_t *params)
{
    const push_problem_t *problem = push_params_parse(r, params);

    if (problem) {
        /* What else is in it, a token or a ticket, nobody knows. */
        push_token_hide_query(r);
    }
    return problem ? problem : push_token_check_query(r, params);
}

static bool bears_secret(request_rec *r)
{
    push_params_t params;

    return r->args
           && (push_check_query(r, &params)
               || push_params_all(&params, "ticket")->nelts);
}

int push_clean_log(request_rec *r)
{
    request_rec *last = r;
    bool ours = false;

    /* A request that was served here, without a detour, has been checked. */
    if (r->status < HTTP_NO_CONTENT && !r->next) {
        return DECLINED;
    }
    for (request_rec *one = r; one; one = one->next) {
        ours = ours || push_endpoint_path(one);
        last = one;
    }
    for (request_rec *one = r; ours && one; one = one->next) {
        if (bears_secret(one)) {
            push_token_hide_query(last);
        }
    }
    return DECLINED;
}

/* ---- origins ---- */

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

/*
 * True if the origin is the host that was asked.  Of its scheme and port a
 * server behind a proxy knows nothing for sure, so it is what the client
 * asked for that counts.
 */
static bool is_own_origin(const request_rec *r, const char *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host");
    const char *authority = ap_strstr_c(origin, "://");

    return host && authority && !strcasecmp(authority + 3, host);
}

const push_problem_t *push_check_page(request_rec *r)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    bool allowed = allowed_origin(push_settings(r), origin) != NULL;

    if (origin && !allowed && !is_own_origin(r, origin)) {
        return push_problem(r->pool, 403, "forgery",
                            "Origin: not one whose pages may do this "
                            "(PushAllowOrigin)");
    }
    if (site && !allowed && strcmp(site, "same-origin")
        && strcmp(site, "none")) {
        return push_problem(r->pool, 403, "forgery",
                            "Sec-Fetch-Site: pages of other origins may not "
                            "do this (PushAllowOrigin)");
    }
    return NULL;
}

const push_problem_t *push_check_forgery(request_rec *r)
{
    const push_problem_t *problem = push_check_page(r);

    if (problem || !apr_table_get(r->headers_in, "Cookie")
        || apr_table_get(r->headers_in, "Push-Client")
        || push_token_is_bearer(r)) {
        return problem;
    }
    return push_problem(r->pool, 403, "forgery",
                        "Push-Client: a request with a cookie must carry "
                        "this header, or Authorization: Bearer");
}

void push_cross_origin(request_rec *r)
{
    const char *allowed = allowed_origin(
        push_settings(r), apr_table_get(r->headers_in, "Origin"));

    apr_table_mergen(r->err_headers_out, "Vary",
                     "Origin, Cookie, Authorization");
    if (!allowed) {
        return;
    }
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", allowed);
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Credentials",
                   "true");
    apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers",
                   "Push-Device, Push-Session, Push-Window, "
                   "Push-Max-Message, Push-Cursor, Retry-After");
    if (r->method_number == M_OPTIONS) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods",
                       "GET, POST");
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Headers",
                       "Authorization, Last-Event-ID, Push-Client, "
                       "Cache-Control");
        apr_table_setn(r->err_headers_out, "Access-Control-Max-Age", "600");
    }
}

/* ---- hosts ---- */

static bool is_address(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET, host, &address) == 1
           || inet_pton(AF_INET6, host, &address) == 1;
}

static bool is_one_of(const apr_array_header_t *names, const char *host)
{
    for (int i = 0; names && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (name && !ap_strcasecmp_match(host, name)) {
            return true;
        }
    }
    return false;
}

const push_problem_t *push_check_host(request_rec *r)
{
    /* Parsed by httpd: without port, brackets and the dot at the end. */
    const char *host = r->hostname;

    if (!host || !strcasecmp(host, "localhost") || is_address(host)
        || !strcasecmp(host, r->server->server_hostname)
        || is_one_of(r->server->names, host)
        || is_one_of(r->server->wild_names, host)) {
        return NULL;
    }
    return push_problem(r->pool, 403, "wrong-host",
                        "Host: not a name of this server (ServerName, "
                        "ServerAlias)");
}
