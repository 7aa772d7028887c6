#ifndef PUSH_PATIENCE_H
#define PUSH_PATIENCE_H

#include "broker/node/node.h"

/*
 * A node that Redis does not answer keeps its streams, as they would be no
 * better off elsewhere; but where it alone is cut off they would be.  After
 * PushClusterPatience it asks the other nodes, and lets its streams go if one
 * of them is well.  The steward's.
 */

/* All zero at first. */
typedef struct push_patience_t {
    int64_t since;  /* mono ms; when it was seen not to be well. 0: it is */
    int64_t next;   /* when peers are asked the next time */
    int64_t sure;   /* when streams are let go, if nothing changes; 0: not */
    uint32_t known; /* of the words' partings: those that are done here */
    char peer[PUSH_NODE_URL + 1]; /* that is well */
} push_patience_t;

/* This node has a lease, and every master was drained a moment ago. */
bool push_patience_is_well(const push_cluster_t *cluster);

/*
 * Some times a second, in every child.  In the one that has the link it may
 * ask peers, which takes some seconds at most; all let their streams go.
 */
void push_patience_see(push_cluster_t *cluster, push_patience_t *patience);

#endif
