/*
 * What a server takes up, over its parent and all its children, from /proc.
 */
#ifndef CHAOS_USAGE_H
#define CHAOS_USAGE_H

#include "server.h"

struct usage {
    int processes;
    int threads;
    int descriptors; /* of the parent and all children */
    long parent;     /* private memory of the parent, KiB */
    long children;   /* of all children together, KiB */
    long shared;     /* shared memory, KiB: the segment */
};

struct usage usage_take(const struct server *s);

/* Processor time used so far by the parent and the children that live, ms. */
long usage_cpu(const struct server *s);

#endif
