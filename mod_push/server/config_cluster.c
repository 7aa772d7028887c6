#include "server/config_cluster.h"

#include <apr_strings.h>
#include <stdbool.h>
#include <string.h>

#define PREFIX_DEFAULT "push:"
#define PREFIX_MAX     64 /* bytes */
#define URLS_MAX       64
#define URL_MAX        256 /* bytes, of this node */

/* In the main server only; an error, or NULL. */
static const char *cluster_of(cmd_parms *cmd, push_cluster_settings_t **found)
{
    push_global_t *global = ap_get_module_config(cmd->server->module_config,
                                                 &push_module);

    *found = &global->cluster;
    return ap_check_cmd_context(cmd, GLOBAL_ONLY);
}

const char *push_config_cluster(cmd_parms *cmd, void *dir, const char *url)
{
    push_cluster_settings_t *cluster;
    const char *error = cluster_of(cmd, &cluster);
    apr_array_header_t *urls;

    (void)dir;
    if (error) {
        return error;
    }
    urls = (apr_array_header_t *)(uintptr_t)cluster->urls;
    if (!urls) {
        urls = apr_array_make(cmd->pool, 4, sizeof(const char *));
        cluster->urls = urls;
    }
    if (urls->nelts == URLS_MAX) {
        return apr_psprintf(cmd->pool,
                            "PushCluster must be at most %d URLs: \"%s\" is "
                            "one more",
                            URLS_MAX, url);
    }
    APR_ARRAY_PUSH(urls, const char *) = url;
    return NULL;
}

const char *push_config_cluster_secret(cmd_parms *cmd, void *dir,
                                       const char *path)
{
    push_cluster_settings_t *cluster;
    const char *error = cluster_of(cmd, &cluster);

    (void)dir;
    if (error) {
        return error;
    }
    cluster->secret = ap_server_root_relative(cmd->pool, path);
    return *path && cluster->secret
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushClusterSecret must be the path of a file, "
                              "not \"%s\"",
                              path);
}

/* Neither a brace, which marks a key's tag, nor a sign of a pattern. */
static bool is_prefix(const char *text)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789:._-/";
    size_t len = strlen(text);

    return len > 0 && len <= PREFIX_MAX && text[strspn(text, legal)] == '\0';
}

const char *push_config_cluster_prefix(cmd_parms *cmd, void *dir,
                                       const char *prefix)
{
    push_cluster_settings_t *cluster;
    const char *error = cluster_of(cmd, &cluster);

    (void)dir;
    if (!error && !is_prefix(prefix)) {
        error = apr_psprintf(cmd->pool,
                             "PushClusterPrefix must be 1 to %d of A-Z a-z "
                             "0-9 : . _ - /, not \"%s\"",
                             PREFIX_MAX, prefix);
    }
    cluster->prefix = prefix;
    return error;
}

static bool is_url(const char *text)
{
    size_t len = strlen(text);
    size_t scheme = !strncmp(text, "http://", 7)    ? 7
                    : !strncmp(text, "https://", 8) ? 8
                                                    : 0;

    if (!scheme || len == scheme || len > URL_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"') {
            return false;
        }
    }
    return true;
}

const char *push_config_cluster_url(cmd_parms *cmd, void *dir, const char *url)
{
    push_cluster_settings_t *cluster;
    const char *error = cluster_of(cmd, &cluster);

    (void)dir;
    if (!error && !is_url(url)) {
        error = apr_psprintf(cmd->pool,
                             "PushClusterUrl must be http:// or https:// and "
                             "at most %d bytes, not \"%s\"",
                             URL_MAX, url);
    }
    cluster->url = url;
    return error;
}

const char *push_config_cluster_tls(cmd_parms *cmd, void *dir,
                                    const char *word)
{
    push_cluster_settings_t *cluster;
    const char *error = cluster_of(cmd, &cluster);
    const struct {
        const char *name;
        const char **field;
    } rows[] = {{"ca=", &cluster->ca},
                {"cert=", &cluster->cert},
                {"key=", &cluster->key}};

    (void)dir;
    if (error) {
        return error;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].name);

        if (!strncmp(word, rows[i].name, len) && word[len]) {
            *rows[i].field = ap_server_root_relative(cmd->pool, word + len);
            return *rows[i].field ? NULL
                                  : "PushClusterTLS: the path of a file is "
                                    "malformed";
        }
    }
    return apr_psprintf(cmd->pool,
                        "PushClusterTLS must be ca=FILE, cert=FILE or "
                        "key=FILE, not \"%s\"",
                        word);
}

/* A setting that nothing uses was most likely meant otherwise. */
static const char *without_cluster(const push_global_t *global)
{
    const push_cluster_settings_t *cluster = &global->cluster;

    return cluster->secret || cluster->prefix || cluster->url || cluster->ca
                   || cluster->cert || cluster->key || global->replicas
               ? "PushClusterSecret, PushClusterPrefix, PushClusterUrl, "
                 "PushClusterTLS and PushClusterReplicas need PushCluster, "
                 "which is not set"
               : NULL;
}

const char *push_config_cluster_conflict(const push_global_t *global)
{
    const push_cluster_settings_t *cluster = &global->cluster;

    if (!cluster->urls) {
        return without_cluster(global);
    }
    if (global->state_dir) {
        return "PushCluster and PushStateDir exclude each other: in a cluster "
               "Redis keeps the state";
    }
    if (!cluster->secret) {
        return "PushCluster needs a PushClusterSecret, which is not set";
    }
    if (!cluster->cert != !cluster->key) {
        return "PushClusterTLS needs both cert= and key=, or neither";
    }
    if (global->durability == PUSH_DURABILITY_COMMIT && !global->replicas) {
        return "PushDurability commit in a cluster needs PushClusterReplicas "
               "of 1 to 5: a message is kept when so many replicas have it";
    }
    return NULL;
}

const char *push_config_cluster_prefix_of(const push_global_t *global)
{
    return global->cluster.prefix ? global->cluster.prefix : PREFIX_DEFAULT;
}
