/* cluster.h - the nodes of a cluster, and its Redis. */
#ifndef PUSHCTL_CLUSTER_H
#define PUSHCTL_CLUSTER_H

#include "command.h"

extern const struct ctl_command ctl_cluster;

#endif
