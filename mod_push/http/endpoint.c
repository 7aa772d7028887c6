#include "http/endpoint.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <stdbool.h>
#include <string.h>

#include "http/settings.h"

APLOG_USE_MODULE(push);

static const char *const handlers[] = {
    [PUSH_ENDPOINT_SUBSCRIBE] = "push",
    [PUSH_ENDPOINT_ADMIN] = "push-admin",
};

static const char *const words[] = {
    [PUSH_ENDPOINT_SUBSCRIBE] = "subscribe",
    [PUSH_ENDPOINT_ADMIN] = "admin",
};

#define KINDS (int)(sizeof(handlers) / sizeof(handlers[0]))

/* The kind that a handler stands for, or -1. */
static int kind_of(const char *handler)
{
    for (int i = 0; handler && i < KINDS; i++) {
        if (!strcmp(handler, handlers[i])) {
            return i;
        }
    }
    return -1;
}

const push_endpoint_t *push_endpoint(const request_rec *r)
{
    return push_settings(r)->endpoint;
}

bool push_endpoint_is_admin(const request_rec *r)
{
    const push_endpoint_t *endpoint = push_endpoint(r);

    return endpoint && endpoint->kind == PUSH_ENDPOINT_ADMIN;
}

const char *push_endpoint_path(const request_rec *r)
{
    const push_endpoint_t *endpoint = push_endpoint(r);
    size_t len = endpoint ? strlen(endpoint->base) : 0;

    if (!endpoint || strncmp(r->uri, endpoint->base, len)
        || (r->uri[len] && r->uri[len] != '/')) {
        return NULL;
    }
    return r->uri + len;
}

apr_array_header_t *push_endpoint_parts(request_rec *r)
{
    apr_array_header_t *parts = apr_array_make(r->pool, 4,
                                               sizeof(const char *));
    const char *path = push_endpoint_path(r);

    while (path && *path == '/') {
        size_t len = strcspn(path + 1, "/");

        APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(r->pool, path + 1,
                                                             len);
        path += len + 1;
    }
    return parts;
}

/*
 * Without the walk through directories nothing that stands in them, least of
 * all a .htaccess, has a say in who may administrate.
 */
int push_endpoint_map(request_rec *r)
{
    ap_conf_vector_t *before = r->per_dir_config;
    bool admin;

    /* httpd has forgotten its own walk: the path may have been rewritten. */
    ap_location_walk(r);
    admin = push_endpoint_path(r)
            && push_endpoint(r)->kind == PUSH_ENDPOINT_ADMIN;
    r->per_dir_config = before;
    return admin ? OK : DECLINED;
}

int push_endpoint_fixup(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    if (!core->handler && !core->expr_handler && push_endpoint_path(r)) {
        r->handler = handlers[push_endpoint(r)->kind];
    }
    return DECLINED;
}

/* The first argument of a directive in the section, or NULL. */
static const char *argument_of(apr_pool_t *pool, const ap_directive_t *section,
                               const char *name)
{
    for (const ap_directive_t *at = section->first_child; at; at = at->next) {
        const char *args = at->args;

        if (!strcasecmp(at->directive, name)) {
            return ap_getword_conf(pool, &args);
        }
    }
    return NULL;
}

static void check_section(apr_pool_t *pool, const server_rec *s,
                          const ap_directive_t *section)
{
    int kind = kind_of(argument_of(pool, section, "SetHandler"));

    if (kind >= 0 && !argument_of(pool, section, "PushEndpoint")) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "PUSH0100: %s %s has SetHandler %s and no PushEndpoint "
                     "%s: it serves nothing",
                     section->directive, section->args, handlers[kind],
                     words[kind]);
    }
}

void push_endpoint_check(apr_pool_t *pool, const server_rec *s,
                         const ap_directive_t *tree)
{
    for (const ap_directive_t *at = tree; at; at = at->next) {
        if (at->first_child) {
            check_section(pool, s, at);
            push_endpoint_check(pool, s, at->first_child);
        }
    }
}

push_endpoint_match_t push_endpoint_match(request_rec *r)
{
    int kind = kind_of(r->handler);
    const push_endpoint_t *endpoint = push_endpoint(r);

    if (kind < 0) {
        return PUSH_ENDPOINT_NOT_OURS;
    }
    if (push_endpoint_path(r) && (int)endpoint->kind == kind) {
        return PUSH_ENDPOINT_OPEN;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "PUSH0099: handler %s at %s, which is not below a "
                  "<Location> with PushEndpoint %s: refused",
                  r->handler, r->uri, words[kind]);
    return PUSH_ENDPOINT_CLOSED;
}
