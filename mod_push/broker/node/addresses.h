#ifndef PUSH_NODE_ADDRESSES_H
#define PUSH_NODE_ADDRESSES_H

#include "broker/library/cluster_calls.h"
#include "broker/node/node.h"

/*
 * PushMaxStreamsPerAddress over all nodes: each tells with its lease of which
 * addresses it has many streams, and the others add that up.  An address is a
 * keyed hash of 32 bits, by the cluster's secret: all nodes have the same, and
 * Redis does not learn whose it is.  Nobody is asked at a check-in.
 *
 * Many is more than the limit / (2 * nodes that are alive), so what is not
 * told of an address is at most half of its limit in all.
 */

#define PUSH_ADDRESSES_TEXT 640u /* bytes of what a node tells */

/* ---- any thread ---- */

/* How many streams of the address other nodes told of. */
uint32_t push_addresses_elsewhere(const push_cluster_t *cluster,
                                  uint32_t address);

/* A stream was opened from there: from now on it may be one with many. */
void push_addresses_note(push_cluster_t *cluster, uint32_t address,
                         uint32_t limit);

/* This node's, as "address:count,…" in hexadecimal, the largest first; written
 * into room, empty if there is none. */
push_text_t push_addresses_tell(push_cluster_t *cluster,
                                char room[PUSH_ADDRESSES_TEXT]);

/* ---- the link ---- */

/* What the nodes of a lease told, of those that are alive, but of this one. */
void push_addresses_keep(push_cluster_t *cluster,
                         const push_lease_reply_t *lease);

#endif
