#include "server/config_places.h"

const char *push_config_positions(cmd_parms *cmd, void *dir, int on)
{
    push_global_t *global = ap_get_module_config(cmd->server->module_config,
                                                 &push_module);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (!error) {
        global->positions = on;
    }
    return error;
}

/* A device may report to any node, and only its own would know. */
const char *push_config_places_conflict(const push_global_t *global)
{
    return global->positions && global->cluster.urls
               ? "PushPositions on and PushCluster exclude each other: "
                 "positions and fences are known to one machine only"
               : NULL;
}
