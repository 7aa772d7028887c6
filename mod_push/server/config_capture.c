#include "server/config_capture.h"

#include <apr_strings.h>

#include "http/identity/pattern.h"
#include "http/identity/scope.h"

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
