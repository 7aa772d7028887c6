#ifndef PUSH_CONFIG_PLACES_H
#define PUSH_CONFIG_PLACES_H

#include "http/settings.h"

/* PushPositions: whether devices may say where they are. */
const char *push_config_positions(cmd_parms *cmd, void *dir, int on);

/* What of the configuration cannot be together, or NULL. */
const char *push_config_places_conflict(const push_global_t *global);

#endif
