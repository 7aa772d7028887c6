#ifndef PUSH_NODE_SEEN_FACTS_H
#define PUSH_NODE_SEEN_FACTS_H

#include "broker/node/survey_kinds.h"

/* What a node knows that may explain something, for each of its devices. */

/* The question, but for its moment: each node has a clock. */
void push_seen_facts_ask(push_rows_t *question, const push_question_t *asked);

/* Answers with facts, at least of one device that is not known. */
push_answer_take_t push_seen_facts_answer;

/* Visits the facts of an answer; what is of the question, of limits and of the
 * user as a whole is not in them.  False: that node knows the message to be of
 * another audience. */
bool push_seen_facts_read(push_text_t answer,
                          void (*visit)(void *data, const push_facts_t *facts),
                          void *data);

#endif
