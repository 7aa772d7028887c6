#ifndef PUSH_ENDPOINT_H
#define PUSH_ENDPOINT_H

#include <httpd.h>

#include <http_config.h>
#include <stdbool.h>

#include "http/settings.h"

/*
 * An endpoint is opened by the server configuration: a <Location> with
 * PushEndpoint.  Nothing else is one, whatever handler a request ends up with:
 * .htaccess files and mod_rewrite can set handlers too.
 */

/* The endpoint that the request was sent to, or NULL. */
const push_endpoint_t *push_endpoint(const request_rec *r);

/*
 * The path below the endpoint's base: empty, or beginning with a slash.  NULL
 * where the request is for something else.
 */
const char *push_endpoint_path(const request_rec *r);

/*
 * The path below the base in its parts, percent-decoded by httpd; a slash
 * more than there should be makes an empty part.  Elements: const char *.
 */
apr_array_header_t *push_endpoint_parts(request_rec *r);

/* True if the request was sent to an endpoint of the administration. */
bool push_endpoint_is_admin(const request_rec *r);

/* Hook map_to_storage: no file stands behind the administration. */
int push_endpoint_map(request_rec *r);

/* Hook fixups: gives a request to an endpoint the endpoint's handler. */
int push_endpoint_fixup(request_rec *r);

/*
 * Hook check_config: says in the log which sections of the configuration have
 * one of our handlers and no PushEndpoint, so that they serve nothing.
 */
void push_endpoint_check(apr_pool_t *pool, const server_rec *s,
                         const ap_directive_t *tree);

/*
 * Whether the handler of the request is ours.  One that is, at a path that is
 * no endpoint of its kind, is told in the log.
 */
typedef enum push_endpoint_match_t {
    PUSH_ENDPOINT_NOT_OURS,
    PUSH_ENDPOINT_CLOSED,
    PUSH_ENDPOINT_OPEN
} push_endpoint_match_t;

push_endpoint_match_t push_endpoint_match(request_rec *r);

#endif
