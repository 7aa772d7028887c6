#ifndef PUSH_NODE_SEEN_DEVICE_H
#define PUSH_NODE_SEEN_DEVICE_H

#include "broker/node/survey_kinds.h"

/* One device as its node has it, by fields. */

/* The question: a context id (16 bytes). */
push_text_t push_seen_device_question(const unsigned char *id);

/* Answers with the device, or with nothing. */
push_answer_take_t push_seen_device_answer;

/* Reads an answer; texts and the id are borrowed from it.  False: that node
 * does not have the device. */
bool push_seen_device_read(push_text_t answer, push_device_view_t *view);

#endif
