#ifndef PUSH_CONFIG_OBSERVE_H
#define PUSH_CONFIG_OBSERVE_H

#include <httpd.h>

#include <http_config.h>

/* Directives about what an administrator sees. */

/* PushPresence: on or off. */
const char *push_config_presence(cmd_parms *cmd, void *dir, int on);

/* PushDashboard: a directory, or off. */
const char *push_config_dashboard(cmd_parms *cmd, void *dir, const char *path);

/* PushTrace: a pattern of users whose devices are traced. */
const char *push_config_trace(cmd_parms *cmd, void *dir, const char *pattern);

/* PushMetricsEvents: an event type that is counted by name. */
const char *push_config_event(cmd_parms *cmd, void *dir, const char *name);

#endif
