#include <httpd.h>

#include <ap_mpm.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_ssl_openssl.h>
#include <mod_status.h>
#include <mpm_common.h>

#include "server/config.h"
#include "server/config_check.h"
#include "server/process.h"
#include "server/process_runner.h"
#include "server/version.h"
#include "http/admin/admin.h"
#include "http/admin/status.h"
#include "http/capture/capture.h"
#include "http/hold/hold.h"
#include "http/places/position.h"
#include "http/sources/sources.h"
#include "http/publish/endless.h"
#include "http/endpoint.h"
#include "http/checks.h"
#include "http/problem.h"
#include "http/subscribe/present.h"
#include "http/subscribe/follow.h"
#include "http/subscribe/receive.h"
#include "http/runtime.h"
#include "http/subscribe/ticket.h"
#include "http/token.h"
#include "stream/handover.h"

/* The module: its hooks, and when each of them runs. */

/*
 * Whenever the configuration was read, also to be tested alone: then what
 * post_config would refuse is looked for here.
 */
static int check_config(apr_pool_t *conf, apr_pool_t *log, apr_pool_t *temp,
                        server_rec *s)
{
    const char *conflict = push_config_conflict(temp, s);

    (void)conf;
    (void)log;
    if (conflict) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "PUSH0079: %s", conflict);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    push_endpoint_check(temp, s, ap_conftree);
    return ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST
                   || push_process_check(s, push_config_global(s))
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

/* Once the configuration is read, in the parent: makes the shared memory. */
static int post_config(apr_pool_t *conf, apr_pool_t *log, apr_pool_t *temp,
                       server_rec *s)
{
    (void)log;
    (void)temp;
    /* For the log's first line, and the Server header of ServerTokens Full. */
    ap_add_version_component(conf, "mod_push/" PUSH_VERSION);
    push_config_defaults(s);
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    return push_process_runner_prepare(s, push_config_global(s))
               ? push_process_prepare(s, push_config_global(s))
               : HTTP_INTERNAL_SERVER_ERROR;
}

/* In a new child, before it accepts: starts the reactors. */
static void child_init(apr_pool_t *child, server_rec *s)
{
    push_process_start(child, s);
    push_process_runner_start(s);
}

/* In a child that is about to end, before its pool goes. */
static void child_stopping(apr_pool_t *child, int graceful)
{
    (void)child;
    push_process_stopping(graceful);
}

/* In the parent, when a child has come or gone: its streams are gone too. */
static void child_status(server_rec *s, pid_t pid, ap_generation_t generation,
                         int slot, mpm_child_status status)
{
    (void)s;
    (void)generation;
    (void)slot;
    if (status != MPM_CHILD_STARTED) {
        push_process_child_ended(pid);
    }
}

/* For every new connection, before all other modules. */
static int pre_connection(conn_rec *c, void *socket)
{
    (void)socket;
    return push_handover_prepare(c);
}

static int wrong_method(request_rec *r, const char *allowed)
{
    apr_table_setn(r->err_headers_out, "Allow", allowed);
    /* Nobody reads the query; a ticket or a token in it is good all the same. */
    push_token_hide_query(r);
    return push_problem_send(r, push_problem(r->pool, 405, "bad-method",
                                             "method: %s", allowed));
}

enum { GET = 1, HEAD = 2, POST = 4 };

static unsigned method_of(const request_rec *r)
{
    return r->method_number == M_POST  ? POST
           : r->method_number != M_GET ? 0
           : r->header_only            ? HEAD
                                       : GET;
}

/* The paths under PushEndpoint subscribe. */
static const struct resource {
    const char *path;    /* below the base */
    const char *allowed; /* as Allow says it */
    unsigned methods;
    int (*serve)(request_rec *r);
} resources[] = {
    {"/receive", "GET, HEAD, OPTIONS", GET | HEAD, push_receive},
    {"/ack", "POST, OPTIONS", POST, push_ack},
    {"/follow", "POST, OPTIONS", POST, push_follow},
    {"/ticket", "POST, OPTIONS", POST, push_ticket_give},
    {"/position", "POST, OPTIONS", POST, push_position},
    {"/presence", "GET, HEAD, OPTIONS", GET | HEAD, push_present},
};

static const struct resource *resource_at(const char *path)
{
    for (size_t i = 0; i < sizeof(resources) / sizeof(*resources); i++) {
        if (!strcmp(path, resources[i].path)) {
            return &resources[i];
        }
    }
    return NULL;
}

/* PushEndpoint subscribe */
static int subscriber(request_rec *r)
{
    const struct resource *resource = resource_at(push_endpoint_path(r));

    push_cross_origin(r);
    if (!resource) {
        return push_problem_send(r, push_problem(r->pool, 404, "not-found",
                                                 "path: receive, ack, "
                                                 "follow, ticket, "
                                                 "position or presence"));
    }
    if (r->method_number == M_OPTIONS) {
        apr_table_setn(r->err_headers_out, "Allow", resource->allowed);
        r->status = HTTP_NO_CONTENT;
        return OK;
    }
    return resource->methods & method_of(r)
               ? resource->serve(r)
               : wrong_method(r, resource->allowed);
}

/* For every request: ours are those with one of the two handlers. */
static int handler(request_rec *r)
{
    push_endpoint_match_t match = push_endpoint_match(r);

    if (match == PUSH_ENDPOINT_NOT_OURS) {
        return DECLINED;
    }
    push_common_headers(r);
    if (match == PUSH_ENDPOINT_CLOSED) {
        return push_problem_send(
            r, push_problem(r->pool, 404, "not-found",
                            "path: no endpoint (PushEndpoint); the error log "
                            "says more"));
    }
    if (!push_runtime()) {
        return push_problem_send(r, push_problem(r->pool, 503, "busy",
                                                 "no reactor runs in this "
                                                 "child; see the error log"));
    }
    if (push_endpoint(r)->kind == PUSH_ENDPOINT_SUBSCRIBE) {
        return subscriber(r);
    }
    return push_runtime_superseded()
               ? push_problem_send(r, push_problem_superseded(r->pool))
               : push_admin(r);
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    /* Only where mod_ssl is loaded: for every new TLS connection. */
    APR_OPTIONAL_HOOK(ssl, pre_handshake, push_handover_tls, NULL, NULL,
                      APR_HOOK_MIDDLE);
    /* After the MPM's, which settles how many children there may be. */
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(push_endpoint_map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_fixups(push_endpoint_fixup, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(push_clean_log, NULL, NULL, APR_HOOK_REALLY_FIRST);
    /* Only where mod_status is loaded: for each request for its page. */
    APR_OPTIONAL_HOOK(ap, status_hook, push_status_section, NULL, NULL,
                      APR_HOOK_MIDDLE);
    push_endless_register();
    push_hold_register();
    push_capture_register();
    push_sources_register();
}

AP_DECLARE_MODULE(push) = {STANDARD20_MODULE_STUFF,
                           push_config_create_dir,
                           push_config_merge_dir,
                           push_config_create_server,
                           NULL,
                           push_commands,
                           register_hooks,
                           0};
