#ifndef PUSH_CONFIG_H
#define PUSH_CONFIG_H

#include "http/settings.h"

/* Directives: read from one table, merged by virtual host and directory. */

extern const command_rec push_commands[];

void *push_config_create_server(apr_pool_t *pool, server_rec *s);
void *push_config_create_dir(apr_pool_t *pool, char *dir);
void *push_config_merge_dir(apr_pool_t *pool, void *base, void *add);

/* The whole server's, with every default filled in. */
const push_global_t *push_config_global(const server_rec *s);

/* Directives that contradict each other, in a sentence; NULL: none do. */
const char *push_config_conflict(const push_global_t *global);

/* Fills in the defaults of what no directive set; after the merge. */
void push_config_defaults(push_settings_t *settings);

#endif
