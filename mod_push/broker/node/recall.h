#ifndef PUSH_NODE_RECALL_H
#define PUSH_NODE_RECALL_H

#include "broker/node/names.h"

/* A message of this log is taken back, at all nodes. */

/* *connected (or NULL): streams that follow it.  PUSH_OVER. */
push_status_t push_recall_log(push_cluster_t *cluster,
                              const push_named_log_ref_t *log, uint64_t mid,
                              uint32_t *connected);

#endif
