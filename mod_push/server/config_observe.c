#include "server/config_observe.h"

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
