#ifndef PUSH_CONFIG_TRIGGER_TO_H
#define PUSH_CONFIG_TRIGGER_TO_H

#include "http/settings.h"

#include <http_config.h>

/*
 * Directives within <PushTrigger NAME> that say what is asked for and
 * published, and to whom; each is refused where no section is open.
 */

const char *push_config_to(cmd_parms *cmd, void *dir, int argc,
                           char *const argv[]);
/* PushPull and PushPost. */
const char *push_config_request(cmd_parms *cmd, void *dir, int argc,
                                char *const argv[]);
const char *push_config_message(cmd_parms *cmd, void *dir, const char *word);

#endif
