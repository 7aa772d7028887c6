#include "server/config_hold.h"

#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ISSUER_MAX 255
#define KEY_MAX    4096 /* bytes */

/* It stands in JSON as it is. */
static bool is_issuer(const char *text)
{
    size_t len = strlen(text);

    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\') {
            return false;
        }
    }
    return len > 0 && len <= ISSUER_MAX;
}

/* NULL, or why there is no key.  An editor's line end is none of it. */
static const char *read_key(apr_pool_t *pool, const char *path,
                            push_text_t *key)
{
    char *bytes = apr_palloc(pool, KEY_MAX + 1);
    FILE *file = fopen(path, "re");
    struct stat status = {0};
    size_t len;

    if (!file || fstat(fileno(file), &status)) {
        const char *why = strerror(errno);

        if (file) {
            fclose(file);
        }
        return why;
    }
    len = fread(bytes, 1, KEY_MAX + 1, file);
    fclose(file);
    if (status.st_mode & S_IROTH) {
        return "everybody may read it (chmod o-r)";
    }
    if (len > KEY_MAX) {
        return "it has more than 4096 bytes";
    }
    while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
        len--;
    }
    *key = (push_text_t){bytes, (uint32_t)len};
    return len ? NULL : "it is empty";
}

const char *push_config_grip_key(cmd_parms *cmd, void *dir, const char *issuer,
                                 const char *path)
{
    push_settings_t *settings = dir;
    push_grip_t *grip = apr_pcalloc(cmd->pool, sizeof(*grip));
    const char *whole = ap_server_root_relative(cmd->pool, path);
    const char *error;

    if (!is_issuer(issuer)) {
        return apr_psprintf(cmd->pool,
                            "PushGripKey must begin with an issuer of 1 to "
                            "%d printable characters of ASCII without quotes "
                            "and backslashes, not \"%s\"",
                            ISSUER_MAX, issuer);
    }
    error = whole ? read_key(cmd->pool, whole, &grip->key)
                  : "its path is malformed";
    if (error) {
        return apr_psprintf(cmd->pool, "PushGripKey %s: %s", path, error);
    }
    grip->issuer = issuer;
    settings->capture.grip = grip;
    return NULL;
}
