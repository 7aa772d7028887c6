#ifndef PUSH_NODE_RECALL_H
#define PUSH_NODE_RECALL_H

#include "broker/node/names.h"

/* A message is taken back, at all nodes. */

/* As recall() of the broker.  Where the audience is not said, all nodes are
 * asked who has it. */
push_status_t push_node_recall(push_cluster_t *cluster,
                               const push_sought_t *message,
                               const push_time_t *now, uint32_t *recalled);

/* In this log.  *connected (or NULL): streams that follow it.  PUSH_OVER. */
push_status_t push_recall_log(push_cluster_t *cluster,
                              const push_named_log_ref_t *log, uint64_t mid,
                              uint32_t *connected);

#endif
