#ifndef PUSH_LAYOUT_CLUSTER_H
#define PUSH_LAYOUT_CLUSTER_H

#include <stdint.h>

/* The part of push_layout() that a node of a cluster adds: the sum with it. */
uint64_t push_layout_cluster(uint64_t sum);

#endif
