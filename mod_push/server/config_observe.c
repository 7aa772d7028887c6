#include "server/config_observe.h"

#include <apr_strings.h>

#include "core/class.h"
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

/* ---- PushMetricsEvents ---- */

/* What has its name already, or cannot be published. */
static bool is_reserved(const char *name)
{
    return !strcmp(name, "other") || !strncmp(name, "other/", 6)
           || !strncmp(name, "push.", 5);
}

static const push_class_name_t *find_event(const apr_array_header_t *events,
                                           const char *name)
{
    for (int i = 0; i < events->nelts; i++) {
        const push_class_name_t *each = &APR_ARRAY_IDX(events, i,
                                                       push_class_name_t);

        if (each->len == strlen(name)
            && !memcmp(each->text, name, each->len)) {
            return each;
        }
    }
    return NULL;
}

static apr_array_header_t *events_of(cmd_parms *cmd)
{
    push_global_t *global = ap_get_module_config(cmd->server->module_config,
                                                 &push_module);

    if (!global->events) {
        global->events = apr_array_make(cmd->pool, PUSH_CLASS_NAMES,
                                        sizeof(push_class_name_t));
    }
    return (apr_array_header_t *)(uintptr_t)global->events;
}

const char *push_config_event(cmd_parms *cmd, void *dir, const char *name)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_array_header_t *events = events_of(cmd);
    push_class_name_t *event;

    (void)dir;
    if (error) {
        return error;
    }
    if (!push_class_name_valid(name, strlen(name)) || is_reserved(name)) {
        return apr_psprintf(
            cmd->pool,
            "PushMetricsEvents must be event types, 1-64 of "
            "A-Z a-z 0-9 . _ : -, or with a slash and a "
            "variant behind, 64 in all, but \"other\" and push.*, not \"%s\"",
            name);
    }
    if (find_event(events, name)) {
        return NULL;
    }
    if (events->nelts == PUSH_CLASS_NAMES) {
        return apr_psprintf(cmd->pool,
                            "PushMetricsEvents must be at most %u event "
                            "types: \"%s\" is one more",
                            PUSH_CLASS_NAMES, name);
    }
    event = apr_array_push(events); /* all zero */
    event->len = (uint8_t)strlen(name);
    memcpy(event->text, name, event->len);
    return NULL;
}
