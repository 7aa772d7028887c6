#ifndef PUSH_CONFIG_CAPTURE_H
#define PUSH_CONFIG_CAPTURE_H

#include "http/settings.h"

#include <http_config.h>

/* The directives about what answers publish (PushCapture…). */

const char *push_config_capture(cmd_parms *cmd, void *dir, const char *text);
const char *push_config_capture_allow(cmd_parms *cmd, void *dir,
                                      const char *text);
const char *push_config_capture_once(cmd_parms *cmd, void *dir, int on);

/* Takes what an inner section sets. */
void push_config_capture_merge(push_capture_settings_t *merged,
                               const push_capture_settings_t *inner);

/* PushGripKey: by what applications know that their answers may hold. */
const char *push_config_grip_key(cmd_parms *cmd, void *dir, const char *issuer,
                                 const char *path);

#endif
