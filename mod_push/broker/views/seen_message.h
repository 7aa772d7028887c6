#ifndef PUSH_NODE_SEEN_MESSAGE_H
#define PUSH_NODE_SEEN_MESSAGE_H

#include "broker/node/survey_kinds.h"

/* A message as a node has it, with its life for each device there. */

/* The question: which message, and for whom it is, where that is said. */
void push_seen_message_ask(push_rows_t *question, const push_sought_t *sought);

/* Answers with the message and the devices, or with nothing. */
push_answer_take_t push_seen_message_answer;

/* Reads the message of an answer; its texts are borrowed.  False: that node
 * does not have it. */
bool push_seen_message_read(push_text_t answer, push_message_view_t *view);

/* Visits the devices of an answer. */
void push_seen_message_lives(push_text_t answer,
                             const push_visitor_t *visitor);

#endif
