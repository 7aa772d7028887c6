#ifndef PUSH_CONFIG_HOLD_H
#define PUSH_CONFIG_HOLD_H

#include "http/settings.h"

#include <http_config.h>

/* PushGripKey: by what applications know that their answers may hold. */
const char *push_config_grip_key(cmd_parms *cmd, void *dir, const char *issuer,
                                 const char *path);

#endif
