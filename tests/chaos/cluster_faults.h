/*
 * What is done to a cluster while the actors of a loop go on: each fault ends
 * when what it broke runs again, though it may not be well yet.
 */
#ifndef CHAOS_CLUSTER_FAULTS_H
#define CHAOS_CLUSTER_FAULTS_H

#include "cluster_scene.h"

struct cluster_fault {
    const char *name;
    void (*happen)(struct scene *scene);
    int64_t most; /* a message may be tried so long until it is accepted
                     (ms), beside scene->bare; 0: nothing is said */
    bool slow;    /* for long runs alone */
};

extern const struct cluster_fault cluster_faults[];
extern const int cluster_fault_count;

#endif
