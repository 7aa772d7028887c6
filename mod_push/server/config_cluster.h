#ifndef PUSH_CONFIG_CLUSTER_H
#define PUSH_CONFIG_CLUSTER_H

#include "http/settings.h"

#include <http_config.h>

/* Directives of a cluster of nodes. */

/* PushCluster: URLs of Redis. */
const char *push_config_cluster(cmd_parms *cmd, void *dir, const char *url);

/* PushClusterSecret: a file. */
const char *push_config_cluster_secret(cmd_parms *cmd, void *dir,
                                       const char *path);

/* PushClusterPrefix: how all keys begin. */
const char *push_config_cluster_prefix(cmd_parms *cmd, void *dir,
                                       const char *prefix);

/* PushClusterUrl: of this node. */
const char *push_config_cluster_url(cmd_parms *cmd, void *dir,
                                    const char *url);

/* PushClusterTLS: ca=, cert=, key=. */
const char *push_config_cluster_tls(cmd_parms *cmd, void *dir,
                                    const char *word);

/*
 * Once all is read: what contradicts what, as a sentence; NULL: nothing.
 */
const char *push_config_cluster_conflict(const push_global_t *global);

/* The prefix, also where none is set. */
const char *push_config_cluster_prefix_of(const push_global_t *global);

#endif
