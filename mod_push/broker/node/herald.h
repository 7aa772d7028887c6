#ifndef PUSH_NODE_HERALD_H
#define PUSH_NODE_HERALD_H

#include "broker/node/node.h"

/*
 * The herald: a thread of each child that publishes what Redis keeps for
 * later.  The one beside the link works: it asks each master once a second,
 * and when the next is due, in which partitions something is due, takes that,
 * and publishes each by a function that ends it in the same step.  All nodes do
 * so; who was given one has it for a second, and whoever is later finds that
 * it is over.
 */
typedef struct push_herald_t push_herald_t;

/* NULL, with errno. */
push_herald_t *push_herald_start(push_cluster_t *cluster);

/* Waits for its end, some seconds at most; frees it. */
void push_herald_stop(push_herald_t *herald);

#endif
