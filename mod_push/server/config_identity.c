#include "server/config_identity.h"

#include <apr_strings.h>
#include <http_log.h>
#include <stdbool.h>
#include <string.h>

#include "http/identity/keyfile.h"

APLOG_USE_MODULE(push);

#define KEYFILES_MAX 8 /* of one section; a token may be tried with each */

static bool is_parameter(const char *name)
{
    return *name
           && name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789_.-")]
                  == '\0';
}

const char *push_config_user(cmd_parms *cmd, void *dir, const char *text)
{
    push_settings_t *settings = dir;
    const char *error = NULL;

    if (!strcasecmp(text, "auth") || !strcasecmp(text, "jwt")) {
        settings->user_kind = *text == 'a' || *text == 'A' ? PUSH_USER_AUTH
                                                           : PUSH_USER_JWT;
        return NULL;
    }
    if (!strncasecmp(text, "query:", 6) && is_parameter(text + 6)) {
        settings->user_kind = PUSH_USER_QUERY;
        settings->user_parameter = text + 6;
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, cmd->server,
                     "PUSH0030: PushUser %s: anybody can be anyone; this is "
                     "for development",
                     text);
        return NULL;
    }
    if (!strncasecmp(text, "expr=", 5) && text[5]) {
        settings->user_kind = PUSH_USER_EXPR;
        settings->user_expr = ap_expr_parse_cmd(
            cmd, text + 5, AP_EXPR_FLAG_STRING_RESULT, &error, NULL);
        return error ? apr_pstrcat(cmd->pool, "PushUser expr=: ", error, NULL)
                     : NULL;
    }
    return apr_psprintf(cmd->pool,
                        "PushUser must be auth, jwt, query:NAME or "
                        "expr=EXPRESSION, not \"%s\"",
                        text);
}

static push_jwt_settings_t *jwt_of(void *dir)
{
    return &((push_settings_t *)dir)->jwt;
}

/* One more element of a list that is made at its first. */
static void *add_to(apr_pool_t *pool, const apr_array_header_t **list,
                    int size)
{
    if (!*list) {
        *list = apr_array_make(pool, 2, size);
    }
    return apr_array_push((apr_array_header_t *)(uintptr_t)*list);
}

static apr_status_t close_keyfile(void *file)
{
    push_keyfile_close(file);
    return APR_SUCCESS;
}

const char *push_config_jwt_key(cmd_parms *cmd, void *dir, const char *path)
{
    push_jwt_settings_t *jwt = jwt_of(dir);
    const char *whole = ap_server_root_relative(cmd->pool, path);
    const char *error = "its path is malformed";
    push_keyfile_t *file = whole ? push_keyfile_open(whole, &error) : NULL;

    if (!file) {
        return apr_psprintf(cmd->pool, "%s %s: %s", cmd->cmd->name, path,
                            error);
    }
    apr_pool_cleanup_register(cmd->pool, file, close_keyfile,
                              apr_pool_cleanup_null);
    if (jwt->keyfiles && jwt->keyfiles->nelts == KEYFILES_MAX) {
        return apr_psprintf(cmd->pool, "%s: at most 8 files in one section",
                            cmd->cmd->name);
    }
    *(push_keyfile_t **)add_to(cmd->pool, &jwt->keyfiles, sizeof(file)) = file;
    return NULL;
}

const char *push_config_jwt_issuer(cmd_parms *cmd, void *dir, const char *text)
{
    (void)cmd;
    if (!*text) {
        return "PushJWTIssuer must be the text of the claim iss, not empty";
    }
    jwt_of(dir)->issuer = text;
    return NULL;
}

const char *push_config_jwt_audience(cmd_parms *cmd, void *dir,
                                     const char *text)
{
    if (!*text) {
        return "PushJWTAudience must be texts of the claim aud, not empty";
    }
    *(const char **)add_to(cmd->pool, &jwt_of(dir)->audiences,
                           sizeof(const char *)) = text;
    return NULL;
}

/* RFC 6265, section 4.1.1: a token. */
static bool is_cookie_name(const char *name)
{
    static const char other[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz";

    return !name[strspn(name, other)];
}

const char *push_config_jwt_cookie(cmd_parms *cmd, void *dir, const char *name)
{
    bool host = !strncmp(name, "__Host-", 7) && name[7];
    bool secure = !strncmp(name, "__Secure-", 9) && name[9];

    if ((!host && !secure) || !is_cookie_name(name)) {
        return apr_psprintf(cmd->pool,
                            "PushJWTCookie must be a name that begins with "
                            "__Host- or __Secure-, not \"%s\"",
                            name);
    }
    jwt_of(dir)->cookie = name;
    return NULL;
}

/* A claim's name: printable, without the space that separates lists. */
static bool is_claim_name(const char *name)
{
    for (const char *p = name; *p; p++) {
        if (*p <= ' ' || *p == 0x7f) {
            return false;
        }
    }
    return *name != '\0';
}

const char *push_config_jwt_claim(cmd_parms *cmd, void *dir, const char *pair)
{
    push_claim_names_t *names = &jwt_of(dir)->claims;
    const struct {
        const char *what;
        const char **name;
    } rows[] = {{"user=", &names->user},
                {"channels=", &names->channels},
                {"publish=", &names->publish},
                {"admin=", &names->admin}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].what);

        if (!strncmp(pair, rows[i].what, len) && is_claim_name(pair + len)) {
            *rows[i].name = pair + len;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool,
                        "PushJWTClaim must be user=CLAIM, channels=CLAIM, "
                        "publish=CLAIM or admin=CLAIM, not \"%s\"",
                        pair);
}

void push_config_jwt_merge(push_jwt_settings_t *merged,
                           const push_jwt_settings_t *inner)
{
    const void **to = (const void **)(void *)merged;
    const void *const *from = (const void *const *)(const void *)inner;

    /* All members are pointers: what is not NULL was set. */
    for (size_t i = 0; i < sizeof(*merged) / sizeof(void *); i++) {
        if (from[i]) {
            to[i] = from[i];
        }
    }
}
