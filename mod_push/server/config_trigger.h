#ifndef PUSH_CONFIG_TRIGGER_H
#define PUSH_CONFIG_TRIGGER_H

#include "http/settings.h"

#include <http_config.h>
#include <stdbool.h>

/* <PushTrigger NAME>, and the directives that stand within it. */

/* The section; its argument ends with '>'. */
const char *push_config_trigger(cmd_parms *cmd, void *dir, const char *arg);

/* Each of them is refused where no section is open. */
const char *push_config_when(cmd_parms *cmd, void *dir, const char *text,
                             const char *word);
const char *push_config_coalesce(cmd_parms *cmd, void *dir, const char *text,
                                 const char *word);
const char *push_config_rate(cmd_parms *cmd, void *dir, const char *text);
const char *push_config_every(cmd_parms *cmd, void *dir, const char *text,
                              const char *word);
const char *push_config_at(cmd_parms *cmd, void *dir, const char *text);

/* True while a section is open: PushRetry has another meaning there. */
bool push_config_in_trigger(const cmd_parms *cmd);
const char *push_config_attempts(cmd_parms *cmd, const char *one,
                                 const char *other);

#endif
