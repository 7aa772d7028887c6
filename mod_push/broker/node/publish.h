#ifndef PUSH_NODE_PUBLISH_H
#define PUSH_NODE_PUBLISH_H

#include "broker/library/publish_calls.h"
#include "broker/node/node.h"

/*
 * Publishing in a cluster: publish() sends, settle() waits, so that all that
 * was begun with one commit is pipelined.  What is under way is a push_flight_t
 * that the answer has in between.
 */

/* As publish() of the broker; settle() must follow PUSH_OK. */
push_status_t push_node_publish(push_cluster_t *cluster,
                                const push_publication_t *publication,
                                push_answer_t *answer);

/* How many may be in the lane that it is published to, and what then. */
void push_node_limit(const push_limits_t *limits,
                     const push_audience_t *audience,
                     push_publish_call_t *call);

/* What one message adds to the figures of its shard. */
typedef struct push_counted_t {
    unsigned partition;
    push_log_kind_t kind;
    push_urgency_t urgency;
    unsigned class; /* by which it is counted */
    uint32_t bytes; /* of its payload */
} push_counted_t;

void push_node_count(push_cluster_t *cluster, const push_counted_t *counted);

/* As settle() of the broker. */
push_status_t push_node_settle(push_cluster_t *cluster, push_answer_t *answer);

#endif
