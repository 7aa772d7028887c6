#ifndef PUSH_NODE_SEEN_LISTS_H
#define PUSH_NODE_SEEN_LISTS_H

#include "broker/node/seen.h"

/*
 * The lists of streams and of channels, with the rows of all nodes in the
 * order that is asked for.  Of a channel its subscribers are added up, and its
 * messages are those of one copy.
 *
 * By a number of channels no node can tell which are first in all; each gives
 * its first PUSH_SEEN_CHANNELS, and what is behind them is not counted.
 */
#define PUSH_SEEN_CHANNELS 1000u

/* As push_streams_list() and push_channels_list(); PUSH_OF_*: push_seen_ask().
 */
push_status_t push_seen_streams(push_cluster_t *cluster,
                                const push_view_t *what,
                                const push_visitor_t *visitor);
push_status_t push_seen_channels(push_cluster_t *cluster,
                                 const push_view_t *what,
                                 const push_visitor_t *visitor);

/* ---- who is asked ---- */

bool push_seen_streams_answer(push_cluster_t *cluster, push_text_t question,
                              push_rows_t *rows);
bool push_seen_channels_answer(push_cluster_t *cluster, push_text_t question,
                               push_rows_t *rows);

#endif
