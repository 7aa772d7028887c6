#ifndef PUSH_NODE_KEEPER_H
#define PUSH_NODE_KEEPER_H

#include "broker/node/node.h"

/*
 * The keeper: a thread of each child that publishes what Redis keeps for
 * later.  The one beside the link works: it asks each master once a second,
 * and when the next is due, in which partitions something is due, takes that,
 * and publishes each by a function that ends it in the same step.  All nodes do
 * so; who was given one has it for a second, and whoever is later finds that
 * it is over.
 */
typedef struct push_keeper_t push_keeper_t;

/* NULL, with errno. */
push_keeper_t *push_keeper_start(push_cluster_t *cluster);

/* Waits for its end, some seconds at most; frees it. */
void push_keeper_stop(push_keeper_t *keeper);

#endif
