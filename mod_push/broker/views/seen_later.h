#ifndef PUSH_NODE_SEEN_LATER_H
#define PUSH_NODE_SEEN_LATER_H

#include "broker/node/node.h"

/*
 * As push_later_list(), of all that Redis keeps, whichever node asks; it waits
 * for each partition, many at once.  PUSH_BUSY, PUSH_NO_STATE: not all
 * of them answered; nothing was visited.
 */
push_status_t push_seen_laters(push_cluster_t *cluster,
                               const push_view_t *what,
                               const push_visitor_t *visitor);

#endif
