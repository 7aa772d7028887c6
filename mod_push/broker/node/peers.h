#ifndef PUSH_PEERS_H
#define PUSH_PEERS_H

#include "broker/library/cluster_calls.h"
#include "broker/node/node.h"
#include "core/nodes.h"

/*
 * What nodes tell each other of themselves: words of "name=number" with a
 * lease, and one for the addresses that have many streams.  A name that is not known is skipped, one that is missing counts as
 * 0, so that nodes of different versions understand each other.
 */

#define PUSH_PEER_INFO 2048u

/* This node's, for push_lease_call_t; written into room.  Takes no lock. */
push_text_t push_peers_info(push_cluster_t *cluster,
                            char room[PUSH_PEER_INFO]);

/* What a peer said of itself. */
void push_peers_parse(push_text_t info, push_node_view_t *node);

/* The link's: all nodes, as the reply to a lease says, for all children. */
void push_peers_keep(push_cluster_t *cluster, const push_lease_reply_t *lease);

/* The cluster, as this node sees it. */
void push_peers_view(const push_cluster_t *cluster, push_cluster_view_t *view);

#endif
