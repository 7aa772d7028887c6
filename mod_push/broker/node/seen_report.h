#ifndef PUSH_NODE_SEEN_REPORT_H
#define PUSH_NODE_SEEN_REPORT_H

#include "broker/node/seen.h"

/*
 * A report of all nodes: what happened in a step, by event class, is added up;
 * classes are told by their names, as their numbers are a node's own.  Rows are
 * in order of their times, then `other`, then by name.  As report() of the
 * broker; a node that is silent in any part of the time is silent.
 */
push_status_t push_seen_report(push_cluster_t *cluster,
                               const push_report_query_t *query,
                               push_report_visit_t *visit, void *data);

/* ---- who is asked ---- */

bool push_seen_report_answer(push_cluster_t *cluster, push_text_t question,
                             push_rows_t *rows);

#endif
