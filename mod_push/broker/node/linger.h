#ifndef PUSH_NODE_LINGER_H
#define PUSH_NODE_LINGER_H

#include "broker/node/node.h"

/*
 * What this node gives up by itself: devices that have been away for
 * PushClusterLinger, and logs that no device here needs.  The saver's thread
 * alone, in one child of the node at a time.
 */
void push_linger_tick(push_cluster_t *cluster, const push_time_t *now);

#endif
