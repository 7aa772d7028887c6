#ifndef PUSH_CONFIG_IDENTITY_H
#define PUSH_CONFIG_IDENTITY_H

#include "http/settings.h"

#include <http_config.h>

/*
 * The directives about who somebody is (PushUser, PushJWT…), as rows of
 * server/config.c's table.
 */

const char *push_config_user(cmd_parms *cmd, void *dir, const char *text);

const char *push_config_jwt_key(cmd_parms *cmd, void *dir, const char *path);
const char *push_config_jwt_issuer(cmd_parms *cmd, void *dir,
                                   const char *text);
const char *push_config_jwt_audience(cmd_parms *cmd, void *dir,
                                     const char *text);
const char *push_config_jwt_cookie(cmd_parms *cmd, void *dir,
                                   const char *name);
const char *push_config_jwt_claim(cmd_parms *cmd, void *dir, const char *pair);

/* Takes what an inner section sets. */
void push_config_jwt_merge(push_jwt_settings_t *merged,
                           const push_jwt_settings_t *inner);

#endif
