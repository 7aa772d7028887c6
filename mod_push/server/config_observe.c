#include "server/config_observe.h"

#include <apr_strings.h>

#include "http/identity/pattern.h"
#include "http/settings.h"

/* ---- PushPresence ---- */

const char *push_config_presence(cmd_parms *cmd, void *dir, int on)
{
    push_global_t *global = ap_get_module_config(cmd->server->module_config,
                                                 &push_module);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (!error) {
        global->presence = on;
    }
    return error;
}

/* ---- PushDashboard ---- */

const char *push_config_dashboard(cmd_parms *cmd, void *dir, const char *path)
{
    push_settings_t *settings = dir;

    if (!strcasecmp(path, "off")) {
        settings->dashboard = "";
        return NULL;
    }
    settings->dashboard = *path ? ap_server_root_relative(cmd->pool, path)
                                : NULL;
    if (!settings->dashboard) {
        return apr_psprintf(cmd->pool,
                            "PushDashboard must be off or the path of a "
                            "directory, not \"%s\"",
                            path);
    }
    return NULL;
}

/* ---- PushTrace ---- */

const char *push_config_trace(cmd_parms *cmd, void *dir, const char *pattern)
{
    push_global_t *global = ap_get_module_config(cmd->server->module_config,
                                                 &push_module);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_array_header_t *traced;

    (void)dir;
    if (error) {
        return error;
    }
    if (!push_pattern_valid(pattern)) {
        return apr_psprintf(cmd->pool,
                            "PushTrace must be users, prefix* or *, not "
                            "\"%s\"",
                            pattern);
    }
    traced = (apr_array_header_t *)(uintptr_t)global->traced;
    if (!traced) {
        traced = apr_array_make(cmd->pool, 4, sizeof(const char *));
        global->traced = traced;
    }
    APR_ARRAY_PUSH(traced, const char *) = pattern;
    return NULL;
}
