#include "server/config_endpoint.h"

#include <apr_strings.h>
#include <stdbool.h>
#include <string.h>

#include "http/endpoint.h"
#include "http/settings.h"
#include "server/config_value.h"

/* The section that the directive stands in; <IfModule> and the like are not
 * among them, as httpd has resolved those before. */
static const ap_directive_t *section_of(const cmd_parms *cmd)
{
    return cmd->directive->parent;
}

/* A <Location> whose path says which requests it is for, letter by letter. */
static bool is_plain_location(const cmd_parms *cmd)
{
    const ap_directive_t *section = section_of(cmd);

    return section && !strcasecmp(section->directive, "<Location")
           && *section->args != '~' && cmd->path && *cmd->path == '/'
           && !strpbrk(cmd->path, "*?[");
}

/* True if the section says itself who may come, by Require or <RequireAny>
 * and its kind. */
static bool has_require(const ap_directive_t *section)
{
    for (const ap_directive_t *at = section->first_child; at; at = at->next) {
        if (!strcasecmp(at->directive, "Require")
            || !strncasecmp(at->directive, "<Require", 8)) {
            return true;
        }
    }
    return false;
}

/* True if what the section requires is joined to what it inherits by OR. */
static bool merges_or(const ap_directive_t *section)
{
    for (const ap_directive_t *at = section->first_child; at; at = at->next) {
        if (!strcasecmp(at->directive, "AuthMerging")
            && !strcasecmp(at->args, "Or")) {
            return true;
        }
    }
    return false;
}

static const char *base_of(const cmd_parms *cmd)
{
    size_t len = strlen(cmd->path);

    while (len && cmd->path[len - 1] == '/') {
        len--;
    }
    return apr_pstrmemdup(cmd->pool, cmd->path, len);
}

const char *push_config_endpoint(cmd_parms *cmd, void *dir, const char *kind)
{
    push_settings_t *settings = dir;
    push_endpoint_t *endpoint = apr_pcalloc(cmd->pool, sizeof(*endpoint));
    bool admin = !strcasecmp(kind, "admin");

    if (!admin && strcasecmp(kind, "subscribe")) {
        return apr_psprintf(cmd->pool,
                            "PushEndpoint must be subscribe or admin, not "
                            "\"%s\"",
                            kind);
    }
    if (!is_plain_location(cmd)) {
        return "PushEndpoint must stand in a <Location> with a plain path: "
               "no pattern, and in no other section";
    }
    if (admin && merges_or(section_of(cmd))) {
        return "PushEndpoint admin: with AuthMerging Or, whom an outer "
               "section lets in would administrate";
    }
    endpoint->kind = admin ? PUSH_ENDPOINT_ADMIN : PUSH_ENDPOINT_SUBSCRIBE;
    endpoint->base = base_of(cmd);
    endpoint->guarded = has_require(section_of(cmd));
    settings->endpoint = endpoint;
    return NULL;
}

/* scheme://host[:port], as a browser writes it: in lower case, no path. */
static bool is_origin(const char *text)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";
    size_t scheme = strspn(text, names);
    const char *host = text + scheme + 3;
    const char *end;

    if (!scheme || strncmp(text + scheme, "://", 3)) {
        return false;
    }
    end = *host == '[' ? host + 1 + strspn(host + 1, "0123456789abcdef:.")
                       : host + strspn(host, names);
    end += *host == '[' && *end == ']';
    if (end == host || (*host == '[' && end[-1] != ']')) {
        return false;
    }
    if (*end == ':') {
        int64_t port;

        return push_value_count(end + 1, &port) && port > 0 && port <= 65535;
    }
    return !*end;
}

const char *push_config_origin(cmd_parms *cmd, void *dir, const char *text)
{
    push_settings_t *settings = dir;
    apr_array_header_t *origins;

    if (!is_origin(text)) {
        return apr_psprintf(cmd->pool,
                            "PushAllowOrigin must be exact origins, "
                            "scheme://host[:port] in lower case like "
                            "https://app.example, not \"%s\"",
                            text);
    }
    origins = (apr_array_header_t *)(uintptr_t)settings->origins;
    if (!origins) {
        origins = apr_array_make(cmd->pool, 4, sizeof(const char *));
        settings->origins = origins;
    }
    APR_ARRAY_PUSH(origins, const char *) = text;
    return NULL;
}
