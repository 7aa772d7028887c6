#ifndef PUSH_CLUSTER_H
#define PUSH_CLUSTER_H

#include "broker/node/node.h"

/* The broker of a node of a cluster, and the threads that it needs. */

/*
 * Makes the table of functions; no thread runs yet.  store, words and what
 * options refer to are borrowed for good.
 */
void push_cluster_init(push_cluster_t *cluster, push_store_t *store,
                       push_cluster_words_t *words,
                       const push_cluster_options_t *options,
                       push_broker_t *broker);

/* Starts courier, steward, saver and link, after the fork; false, with errno,
 * and then none of them runs. */
bool push_cluster_start(push_cluster_t *cluster);

/* Joins them.  last: the node ends with this process. */
void push_cluster_stop(push_cluster_t *cluster, bool last);

#endif
