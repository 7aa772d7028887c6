#ifndef PUSH_NODE_ANSWERS_H
#define PUSH_NODE_ANSWERS_H

#include "broker/node/seen.h"

/* All that a node can be asked by another one, see broker/node/survey.h. */

/* Answers one of any kind; false also of one that this version does not know. */
bool push_answers_take(push_cluster_t *cluster, unsigned kind,
                       push_text_t question, push_rows_t *rows);

#endif
