#ifndef PUSH_NODE_SEEN_H
#define PUSH_NODE_SEEN_H

#include "broker/library/rows.h"
#include "broker/node/node.h"

/*
 * Answers a question of another node from what this one has, by fields.  Any
 * thread; it may take locks of shards, and waits for nothing else.  False: it
 * cannot say.
 */
typedef bool push_answer_take_t(push_cluster_t *cluster, push_text_t question,
                                push_rows_t *rows);

#endif
