#ifndef PUSH_CONFIG_RELAY_H
#define PUSH_CONFIG_RELAY_H

#include "http/settings.h"

#include <http_config.h>

/* Directives of other regions. */

/* PushRelay: where another region takes messages. */
const char *push_config_relay(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[]);

/*
 * Once all is read: what contradicts what, as a sentence; NULL: nothing.
 */
const char *push_config_relay_conflict(const push_global_t *global);

#endif
