#ifndef PUSH_CONFIG_OBSERVE_H
#define PUSH_CONFIG_OBSERVE_H

#include <httpd.h>

#include <http_config.h>

/* Directives about what an administrator sees. */

/* PushTrace: a pattern of users whose devices are traced. */
const char *push_config_trace(cmd_parms *cmd, void *dir, const char *pattern);

#endif
