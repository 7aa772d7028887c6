#ifndef PUSH_NODE_INQUIRY_H
#define PUSH_NODE_INQUIRY_H

#include "broker/node/node.h"

/*
 * As explain() of the broker, for the devices of all nodes and those that no
 * node has.  It may wait for Redis, and 500 ms for other nodes; of the devices
 * of one that is silent it tells what was last written.
 */
push_status_t push_inquiry(push_cluster_t *cluster,
                           const push_question_t *question,
                           push_facts_t *facts, unsigned *count);

#endif
