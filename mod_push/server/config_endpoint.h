#ifndef PUSH_CONFIG_ENDPOINT_H
#define PUSH_CONFIG_ENDPOINT_H

#include <httpd.h>

#include <http_config.h>

/* The directive PushEndpoint; what it makes is in http/endpoint.h. */

const char *push_config_endpoint(cmd_parms *cmd, void *dir, const char *kind);

/* PushAllowOrigin: pages of other origins that may receive. */
const char *push_config_origin(cmd_parms *cmd, void *dir, const char *text);

#endif
