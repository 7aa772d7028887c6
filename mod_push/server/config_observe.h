#ifndef PUSH_CONFIG_OBSERVE_H
#define PUSH_CONFIG_OBSERVE_H

#include <httpd.h>

#include <http_config.h>

/* Directives about what an administrator sees. */

/* PushMetricsEvents: an event type that is counted by name. */
const char *push_config_event(cmd_parms *cmd, void *dir, const char *name);

#endif
