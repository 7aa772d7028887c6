#include "server/config_trigger_part.h"

#include <apr_strings.h>
#include <string.h>

#include "core/moment.h"

push_rule_t *push_trigger_rule(const cmd_parms *cmd)
{
    const push_global_t *global = ap_get_module_config(
        cmd->server->module_config, &push_module);

    return global->rule;
}

const char *push_trigger_bad(const cmd_parms *cmd, const char *legal,
                             const char *text)
{
    return apr_psprintf(cmd->pool, "%s must be %s, not \"%s\"", cmd->cmd->name,
                        legal, text);
}

const char *push_trigger_place(const cmd_parms *cmd, bool there)
{
    if (!push_trigger_rule(cmd)) {
        return apr_psprintf(cmd->pool,
                            "%s must stand within <PushTrigger NAME>",
                            cmd->cmd->name);
    }
    return there ? apr_psprintf(cmd->pool,
                                "%s must be there once within <PushTrigger "
                                "%s>",
                                cmd->cmd->name, push_trigger_rule(cmd)->name)
                 : NULL;
}

const char *push_trigger_value(const char *word, const char *name)
{
    size_t len = strlen(name);

    return !strncmp(word, name, len) && word[len] == '=' ? word + len + 1
                                                         : NULL;
}

bool push_trigger_time(const char *text, int64_t least, int64_t most,
                       int64_t *value)
{
    return push_span_read(text, "s", value) && *value >= least
           && *value <= most;
}

const push_template_t *push_trigger_template(const cmd_parms *cmd,
                                             const char *text, bool url,
                                             const char **error)
{
    const push_template_t *made = push_template_make(cmd->pool, text, url,
                                                     error);

    if (!made) {
        *error = apr_psprintf(cmd->pool, "%s: %s", cmd->cmd->name, *error);
    }
    return made;
}
