#include "server/config_capture.h"

#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "http/identity/pattern.h"
#include "http/identity/scope.h"

#define ISSUER_MAX 255
#define KEY_MAX    4096 /* bytes */

static push_capture_settings_t *capture_of(void *dir)
{
    push_settings_t *settings = dir;

    return &settings->capture;
}

const char *push_config_capture(cmd_parms *cmd, void *dir, const char *text)
{
    static const char *const names[] = {[PUSH_CAPTURE_OFF] = "off",
                                        [PUSH_CAPTURE_HEADERS] = "headers",
                                        [PUSH_CAPTURE_TEE] = "tee",
                                        [PUSH_CAPTURE_CONSUME] = "consume"};

    for (int i = PUSH_CAPTURE_OFF; i <= PUSH_CAPTURE_CONSUME; i++) {
        if (!strcasecmp(text, names[i])) {
            capture_of(dir)->mode = (push_capture_mode_t)i;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool,
                        "PushCapture must be off, headers, tee or consume, "
                        "not \"%s\"",
                        text);
}

static const char *add(cmd_parms *cmd, const apr_array_header_t **list,
                       const char *text)
{
    apr_array_header_t *all = (apr_array_header_t *)(uintptr_t)*list;

    if (!all) {
        all = apr_array_make(cmd->pool, 4, sizeof(const char *));
        *list = all;
    }
    APR_ARRAY_PUSH(all, const char *) = text;
    return NULL;
}

/* What held answers may name, behind its colon. */
static const char *add_hold(cmd_parms *cmd, const apr_array_header_t **list,
                            const char *pattern)
{
    return push_pattern_valid(pattern)
               ? add(cmd, list, pattern)
               : apr_psprintf(cmd->pool,
                              "PushCaptureAllow: behind hold: and hold-user: "
                              "a PATTERN must be a name, prefix* or *, not "
                              "\"%s\"",
                              pattern);
}

const char *push_config_capture_allow(cmd_parms *cmd, void *dir,
                                      const char *text)
{
    push_capture_settings_t *capture = capture_of(dir);

    if (!strncmp(text, "hold:", 5)) {
        return add_hold(cmd, &capture->holds, text + 5);
    }
    if (!strncmp(text, "hold-user:", 10)) {
        return add_hold(cmd, &capture->hold_users, text + 10);
    }
    if (!push_scope_valid(text)) {
        return apr_psprintf(cmd->pool,
                            "PushCaptureAllow must be user:PATTERN, "
                            "channel:PATTERN, broadcast, *, hold:PATTERN or "
                            "hold-user:PATTERN, where a PATTERN is a name, "
                            "prefix* or *, not \"%s\"",
                            text);
    }
    return add(cmd, &capture->allowed, text);
}

const char *push_config_capture_once(cmd_parms *cmd, void *dir, int on)
{
    (void)cmd;
    capture_of(dir)->once = on ? PUSH_CAPTURE_ONCE_ON : PUSH_CAPTURE_ONCE_OFF;
    return NULL;
}

/* ---- GRIP ---- */

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
    capture_of(dir)->grip = grip;
    return NULL;
}

/* ---- sections ---- */

void push_config_capture_merge(push_capture_settings_t *merged,
                               const push_capture_settings_t *inner)
{
    if (inner->mode != PUSH_CAPTURE_UNSET) {
        merged->mode = inner->mode;
    }
    if (inner->once != PUSH_CAPTURE_ONCE_UNSET) {
        merged->once = inner->once;
    }
    if (inner->grip) {
        merged->grip = inner->grip;
    }
    if (inner->allowed || inner->holds || inner->hold_users) {
        merged->allowed = inner->allowed;
        merged->holds = inner->holds;
        merged->hold_users = inner->hold_users;
    }
}
