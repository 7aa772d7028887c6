#ifndef PUSH_LEASE_H
#define PUSH_LEASE_H

#include "broker/library/cluster_calls.h"
#include "broker/node/node.h"

/*
 * A node's number, which it leases: renewed every 3 s, and nobody else's for
 * 60 s after.  A number that was lost is followed by another one; then all
 * that was heard under the old one is in doubt.
 */

#define PUSH_LEASE_LATE_MS 5000 /* beyond that; health says so */

/* The command that takes or renews it. */
void push_lease_fill(push_cluster_t *cluster, push_command_t *command);

/* What Redis answered; true: this node has another number than before. */
bool push_lease_take(push_cluster_t *cluster, const push_lease_reply_t *lease);

#endif
