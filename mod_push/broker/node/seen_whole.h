#ifndef PUSH_NODE_SEEN_WHOLE_H
#define PUSH_NODE_SEEN_WHOLE_H

#include "broker/node/seen.h"
#include "core/whole.h"

/*
 * The figures of all nodes, added up.  Users, channels and messages that
 * several nodes have in their memory count at each of them; a device is at
 * one.
 */

/* PUSH_OF_*; statuses: push_seen_ask(). */
push_status_t push_seen_whole(push_cluster_t *cluster, unsigned of,
                              push_whole_t *whole);

/*
 * The same for `$stats`, and its latencies and reactors; nothing is counted
 * for it.  False: another node says it.  Who does holds a lease in Redis, of
 * 2.5 s and renewed by each call, so it is one node until that is gone.
 */
bool push_seen_reading(push_cluster_t *cluster, push_reading_t *reading);

/* ---- who is asked ---- */

bool push_seen_whole_answer(push_cluster_t *cluster, push_text_t question,
                            push_rows_t *rows);

#endif
