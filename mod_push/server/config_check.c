#include "server/config_check.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <stdbool.h>
#include <string.h>

#include "server/config.h"
#include "server/config_cluster.h"
#include "server/config_places.h"
#include "server/config_relay.h"

/*
 * Tokens without keys.  Which sections a request meets is known when it comes,
 * so the start is stopped only where no key can ever apply: not one of the
 * server, of the section with PushUser jwt, or of any section that some
 * request meets together with that one.  What this lets through is refused at
 * each request (http/token.c).
 */

static const push_settings_t *settings_of(ap_conf_vector_t *section)
{
    return ap_get_module_config(section, &push_module);
}

static const core_dir_config *core_of(ap_conf_vector_t *section)
{
    return ap_get_core_module_config(section);
}

static ap_conf_vector_t *nth(const apr_array_header_t *sections, int i)
{
    return APR_ARRAY_IDX(sections, i, ap_conf_vector_t *);
}

static bool sets_jwt(ap_conf_vector_t *section)
{
    const push_settings_t *settings = settings_of(section);

    return settings && settings->user_kind == PUSH_USER_JWT;
}

static bool sets_keys(ap_conf_vector_t *section)
{
    const push_settings_t *settings = settings_of(section);

    return settings && settings->jwt.keyfiles;
}

static bool has_keys(ap_conf_vector_t *section);

static bool any_has_keys(const apr_array_header_t *sections)
{
    for (int i = 0; sections && i < sections->nelts; i++) {
        if (has_keys(nth(sections, i))) {
            return true;
        }
    }
    return false;
}

/* Itself, or a section <Files> or <If> within, as deep as those go. */
static bool has_keys(ap_conf_vector_t *section)
{
    const core_dir_config *core = core_of(section);

    return sets_keys(section)
           || (core
               && (any_has_keys(core->sec_file)
                   || any_has_keys(core->sec_if)));
}

static bool is_plain(const core_dir_config *core)
{
    return !core->r && !core->d_is_fnmatch;
}

/* As httpd compares the path of a <Location> with that of a request. */
static bool covers(const char *location, const char *path)
{
    size_t len = strlen(location);

    return !strncmp(location, path, len)
           && (!len || location[len - 1] == '/' || path[len] == '/'
               || !path[len]);
}

/* Whether the first may apply to every request that the second applies to. */
static bool may_cover(ap_conf_vector_t *first, ap_conf_vector_t *second)
{
    const core_dir_config *a = core_of(first);
    const core_dir_config *b = core_of(second);

    return !is_plain(a) || !is_plain(b) || covers(a->d, b->d);
}

static bool may_meet(ap_conf_vector_t *one, ap_conf_vector_t *other)
{
    return may_cover(one, other) || may_cover(other, one);
}

static bool is_overruled(const apr_array_header_t *locations, int which)
{
    for (int i = which + 1; i < locations->nelts; i++) {
        const push_settings_t *later = settings_of(nth(locations, i));

        if (later && later->user_kind != PUSH_USER_UNSET
            && may_cover(nth(locations, i), nth(locations, which))) {
            return true;
        }
    }
    return false;
}

static bool lacks_keys(const apr_array_header_t *locations, int which)
{
    ap_conf_vector_t *section = nth(locations, which);

    if (!sets_jwt(section) || is_overruled(locations, which)) {
        return false;
    }
    for (int i = 0; i < locations->nelts; i++) {
        if (may_meet(nth(locations, i), section)
            && has_keys(nth(locations, i))) {
            return false;
        }
    }
    return true;
}

static const char *without_keys(apr_pool_t *pool, const server_rec *s)
{
    const core_server_config *core = ap_get_core_module_config(
        s->module_config);

    if (has_keys(s->lookup_defaults) || any_has_keys(core->sec_dir)) {
        return NULL;
    }
    if (sets_jwt(s->lookup_defaults) && !any_has_keys(core->sec_url)) {
        return "PushUser jwt needs PushJWTKey or PushJWTKeys, and neither is "
               "set";
    }
    for (int i = 0; i < core->sec_url->nelts; i++) {
        if (lacks_keys(core->sec_url, i)) {
            return apr_psprintf(
                pool,
                "PushUser jwt of <Location \"%s\"> needs PushJWTKey or "
                "PushJWTKeys, and neither is set there",
                core_of(nth(core->sec_url, i))->d);
        }
    }
    return NULL;
}

const char *push_config_conflict(apr_pool_t *pool, const server_rec *s)
{
    const push_global_t *global = push_config_global(s);
    const char *conflict = push_config_cluster_conflict(global)
                               ?: push_config_relay_conflict(global)
                               ?: push_config_places_conflict(global);

    if (conflict) {
        return conflict;
    }
    if (global->durability > PUSH_DURABILITY_MEMORY && !global->state_dir
        && !global->cluster.urls) {
        return "PushDurability commit and interval need a PushStateDir or "
               "PushCluster, and neither is set";
    }
    /*
     * Virtual hosts have the sections of the main server too, and where there
     * are some it may be that no request comes to itself.
     */
    for (const server_rec *each = s->next ? s->next : s; each && !conflict;
         each = each->next) {
        conflict = without_keys(pool, each);
    }
    return conflict;
}
