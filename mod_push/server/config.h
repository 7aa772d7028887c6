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

/*
 * Fills in the defaults of what no directive set, for all servers, and finds
 * the largest payload that any endpoint takes; after the merge.
 */
void push_config_defaults(server_rec *main);

#endif
