#ifndef PUSH_NODE_SEEN_BY_H
#define PUSH_NODE_SEEN_BY_H

#include "broker/node/survey.h"

/*
 * A view of an administrator is of all nodes, of this one, or of another one
 * (PUSH_OF_*).  The reader gets rows alike of whichever they are.
 */

/*
 * As push_survey(), of these nodes.  PUSH_NOT_FOUND: no node has this number;
 * PUSH_BUSY: it has not answered.
 */
push_status_t push_seen_ask(push_cluster_t *cluster, unsigned of,
                            push_survey_t *survey);

/* The number of a node whose owner this is, as views have it. */
static inline unsigned push_seen_node(unsigned owner)
{
    return owner == PUSH_OWNER_NOBODY ? 0 : 1 + push_owner_node(owner);
}

/* Last, for who wants to know. */
static inline void push_seen_nodes(const push_visitor_t *visitor,
                                   const push_nodes_asked_t *nodes)
{
    if (visitor->nodes) {
        visitor->nodes(visitor->data, nodes);
    }
}

#endif
