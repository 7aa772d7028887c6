#ifndef PUSH_NODE_TAGGED_H
#define PUSH_NODE_TAGGED_H

#include "broker/node/node.h"

/*
 * For the steward of the child with the link: devices follow what was told of
 * their users (broker/node/tags.h).  False: some could not, and do at the next
 * look.
 */
bool push_tagged_settle(push_cluster_t *cluster);

#endif
