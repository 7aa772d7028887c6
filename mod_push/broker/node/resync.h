#ifndef PUSH_RESYNC_H
#define PUSH_RESYNC_H

#include "broker/node/node.h"

/*
 * Partitions that are suspect: each of their logs is asked for from its
 * version on.  What came by the inbox meanwhile was noted as dropped, so a log
 * that lacks some of it afterwards makes its partition suspect once more.
 */

/* Where it stands; zero at first. */
typedef struct push_resync_t {
    unsigned next;      /* the partition to begin with */
    int64_t not_before; /* push_redis_now(); since something failed */
} push_resync_t;

/*
 * Sees to some of them; waits for Redis, for seconds at most.  True if there
 * are more that may be seen to at once.  The steward alone.
 */
bool push_resync_some(push_cluster_t *cluster, push_resync_t *resync);

#endif
