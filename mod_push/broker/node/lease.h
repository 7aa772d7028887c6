#ifndef PUSH_LEASE_H
#define PUSH_LEASE_H

#include "broker/library/cluster_calls.h"
#include "broker/node/node.h"

/*
 * A node's number, which it leases: renewed every 3 s, and nobody else's for
 * 60 s after.  A number that was lost is followed by another one; then all
 * that was heard under the old one is in doubt.
 */

#define PUSH_LEASE_EVERY_MS 3000
#define PUSH_LEASE_LATE_MS  5000 /* beyond that; health says so */

/* Room for what a node tells of itself. */
#define PUSH_LEASE_INFO 512

/* The command that takes or renews it. */
void push_lease_fill(push_cluster_t *cluster, push_command_t *command);

/* What Redis answered; true: this node has another number than before. */
bool push_lease_take(push_cluster_t *cluster, const push_lease_reply_t *lease);

/* A JSON object: what this node has, for the others' administrators. */
push_text_t push_lease_info(push_cluster_t *cluster,
                            char room[PUSH_LEASE_INFO]);

#endif
