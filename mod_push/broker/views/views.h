#ifndef PUSH_NODE_VIEWS_H
#define PUSH_NODE_VIEWS_H

#include "broker/node/node.h"

/*
 * What administrators see, from any node: what this one has, then what Redis
 * has, with how it stands at the nodes that own the devices.  All may wait for
 * Redis, and 300 ms for owners.
 */

/*
 * As push_view_message(), with the devices of all nodes: of a user's message
 * those that no node has, too.  A message that this node does not have is found
 * where its audience is said, until its time is over, and else as long as any
 * node knows it.
 */
push_status_t push_views_message(push_cluster_t *cluster,
                                 const push_sought_t *sought,
                                 const push_time_t *now,
                                 const push_visitor_t *visitor);

/* The message alone, as Redis has it for the audience that is said. */
push_status_t push_views_stored(push_cluster_t *cluster,
                                const push_sought_t *sought,
                                const push_time_t *now,
                                const push_visitor_t *visitor);

/*
 * As push_view_device(), of the node that has it.  Where a user is said and no
 * node has the device, as that user's record in Redis has it.
 */
push_status_t push_views_device(push_cluster_t *cluster,
                                const push_view_t *what,
                                const push_visitor_t *visitor);

/* As push_view_devices(). */
push_status_t push_views_devices(push_cluster_t *cluster, push_text_t user,
                                 const push_time_t *now,
                                 const push_visitor_t *visitor);

#endif
