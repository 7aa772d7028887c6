/*
 * What a server takes up, over its parent and all its children, from /proc.
 */
#ifndef CHAOS_CENSUS_H
#define CHAOS_CENSUS_H

#include "server.h"

struct census {
    int processes;
    int threads;
    int descriptors; /* of the parent and all children */
    long parent;     /* private memory of the parent, KiB */
    long children;   /* of all children together, KiB */
    long shared;     /* shared memory, KiB: the segment */
};

struct census census_take(const struct server *s);

/* Processor time used so far by the parent and the children that live, ms. */
long census_cpu(const struct server *s);

#endif
