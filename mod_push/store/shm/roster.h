#ifndef PUSH_ROSTER_H
#define PUSH_ROSTER_H

#include "core/nodes.h"
#include "store/shm/lock.h"

/*
 * Who takes part in the cluster, as the last lease said, for all children of
 * this node.  The link writes it; administrators read it.  A writer that died
 * may leave it half changed, until the next lease: every text has its end, and
 * nothing else depends on it.
 */
typedef struct push_roster_t {
    push_lock_t lock;
    uint32_t count;
    push_node_view_t nodes[PUSH_NODES_MAX];
    char masters[PUSH_NODES_MAX][PUSH_MASTER_NAME + 1]; /* by their index */
} push_roster_t;

/* Its memory is zeroed.  0, or an errno. */
int push_roster_init(push_roster_t *roster);

/* Takes the nodes over; none where the lock is busy: the next lease will. */
void push_roster_set(push_roster_t *roster, const push_node_view_t *nodes,
                     unsigned count);

/* The address of a master; cut where it is too long. */
void push_roster_name(push_roster_t *roster, unsigned master,
                      const char *address);

/* Fills nodes, nodes_count and the names of masters in.  Nothing where the
 * lock is busy. */
void push_roster_read(push_roster_t *roster, push_cluster_view_t *view);

#endif
