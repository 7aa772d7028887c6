#ifndef PUSH_METRICS_CLUSTER_H
#define PUSH_METRICS_CLUSTER_H

#include "core/nodes.h"
#include "http/admin/exposition.h"

/* The figures that only a node of a cluster has. */
void push_metrics_cluster(const push_exposition_t *to,
                          const push_cluster_view_t *view,
                          const push_time_t *now);

#endif
