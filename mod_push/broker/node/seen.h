#ifndef PUSH_NODE_SEEN_H
#define PUSH_NODE_SEEN_H

#include "broker/library/rows.h"
#include "broker/node/node.h"

/* What a node can be asked by another one, see broker/node/survey.h. */

/* Numbers that nodes of all versions know: none is ever used again. */
typedef enum push_survey_kind_t {
    PUSH_SURVEY_DEVICE = 1, /* one context; see seen_device.h */
    PUSH_SURVEY_MESSAGE,    /* its life; see seen_message.h */
    PUSH_SURVEY_FACTS,      /* for an explanation; see seen_facts.h */
    PUSH_SURVEY_WHOLE = 16, /* its figures; see seen_whole.h */
    PUSH_SURVEY_STREAMS,    /* see seen_lists.h, as the next two */
    PUSH_SURVEY_CHANNELS,
    PUSH_SURVEY_PRESENT,
    PUSH_SURVEY_REPORT /* see seen_report.h */
} push_survey_kind_t;

/*
 * Answers a question of another node from what this one has, by fields.  Any
 * thread; it may take locks of shards, and waits for nothing else.  False: it
 * cannot say.
 */
typedef bool push_answer_take_t(push_cluster_t *cluster, push_text_t question,
                                push_rows_t *rows);

#endif
