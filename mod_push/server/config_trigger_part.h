#ifndef PUSH_CONFIG_TRIGGER_PART_H
#define PUSH_CONFIG_TRIGGER_PART_H

#include "http/settings.h"

#include <http_config.h>
#include <stdbool.h>

#include "triggers/rule.h"

/* What the directives of a section <PushTrigger> share. */

#define PUSH_SECOND 1000 /* ms */
#define PUSH_DAY    (86400 * PUSH_SECOND)

/* The rule whose section is open; NULL: none. */
push_rule_t *push_trigger_rule(const cmd_parms *cmd);

/* "PushRate must be from 1 to 1000000, not \"x\"" */
const char *push_trigger_bad(const cmd_parms *cmd, const char *legal,
                             const char *text);

/* NULL; or that it stands in no section, or a second time. */
const char *push_trigger_place(const cmd_parms *cmd, bool there);

/* What stands behind "name="; NULL: it is another word. */
const char *push_trigger_value(const char *word, const char *name);

/* A time in this range, in ms. */
bool push_trigger_time(const char *text, int64_t least, int64_t most,
                       int64_t *value);

/* NULL: *error says why. */
const push_template_t *push_trigger_template(const cmd_parms *cmd,
                                             const char *text, bool url,
                                             const char **error);

#endif
