#ifndef PUSH_NODE_SEEN_PRESENT_H
#define PUSH_NODE_SEEN_PRESENT_H

#include "broker/node/seen.h"

/*
 * Who is connected to a channel at any node: each user once, those of this
 * node first.  what->list.more, if it is given, says that a node has more of
 * them than an answer holds, which is some 60,000 names.  PUSH_NO_MEMORY.
 */
push_status_t push_seen_present(push_cluster_t *cluster,
                                const push_view_t *what,
                                const push_visitor_t *visitor);

/* ---- who is asked ---- */

bool push_seen_present_answer(push_cluster_t *cluster, push_text_t question,
                              push_rows_t *rows);

#endif
