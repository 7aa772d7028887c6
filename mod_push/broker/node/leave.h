#ifndef PUSH_NODE_LEAVE_H
#define PUSH_NODE_LEAVE_H

#include "broker/node/node.h"

/*
 * Leaves a log if no device here needs it: Redis is told, and then its messages
 * go.  Waits for no reply.  Any thread.
 */
void push_leave(push_cluster_t *cluster, push_text_t log);

#endif
