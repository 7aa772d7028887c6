#ifndef PUSH_CONFIG_CHECK_H
#define PUSH_CONFIG_CHECK_H

#include "http/settings.h"

/*
 * Once all of the configuration is read: directives that contradict each
 * other, in a sentence made in the pool; NULL: none do.
 */
const char *push_config_conflict(apr_pool_t *pool, const server_rec *s);

#endif
