/*
 * What is done to a cluster while the actors of a loop go on: each fault ends
 * when what it broke runs again, though it may not be well yet.
 */
#ifndef CHAOS_CLUSTER_FAULTS_H
#define CHAOS_CLUSTER_FAULTS_H

#include "chaos.h"
#include "cluster.h"
#include "journal.h"
#include "loop.h"

/* Where the faults happen. */
struct scene {
    struct loop *loop;
    struct cluster *cluster; /* on a Redis Cluster with replicas */
    struct journal *journal; /* gets crash lines */
    struct dice *dice;
    int64_t pause; /* for how long something stands still (ms) */
};

struct cluster_fault {
    const char *name;
    void (*happen)(struct scene *scene);
};

extern const struct cluster_fault cluster_faults[];
extern const int cluster_fault_count;

/* True if all nodes and all of Redis are well. It asks those that answer
 * first, so that it takes long only where all does. */
bool scene_is_well(const struct scene *scene);

#endif
