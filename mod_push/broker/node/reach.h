#ifndef PUSH_NODE_REACH_H
#define PUSH_NODE_REACH_H

#include "broker/node/node.h"
#include "store/ops/import.h"

/*
 * The logs of a device that another node had may be older here than what it
 * has acknowledged there: what a drain is late with, or a node that stood
 * still.  What came later would be delivered to it again.
 *
 * Asks Redis for those that are, so that the import finds its places.  All of
 * them are LIVE.  PUSH_NO_STATE, PUSH_NO_MEMORY.
 */
push_status_t push_reach(push_cluster_t *cluster, const push_import_t *import);

#endif
