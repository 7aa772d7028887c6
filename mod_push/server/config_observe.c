#include "server/config_observe.h"

#include <apr_strings.h>

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
