#ifndef PUSH_NODE_TAGGING_H
#define PUSH_NODE_TAGGING_H

#include "broker/node/node.h"

/* What the server subscribes users to, as it is asked for at any node. */

/* Each has a status, as push_store_assign() sets it. */
void push_tagging_assign(push_cluster_t *cluster, push_assignment_t *list,
                         unsigned count);

/* The channels of a user, as visitor->channel. */
push_status_t push_tagging_view(push_cluster_t *cluster, push_text_t user,
                                const push_visitor_t *visitor);

/*
 * Behind which mid the user's devices have what is published to the channel;
 * PUSH_NOT_FOUND: the server does not subscribe them to it.
 */
push_status_t push_tagging_behind(push_cluster_t *cluster, push_text_t user,
                                  push_text_t channel, uint64_t *mid);

#endif
