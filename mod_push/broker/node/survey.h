#ifndef PUSH_NODE_SURVEY_H
#define PUSH_NODE_SURVEY_H

#include "broker/library/entries.h"
#include "broker/node/seen.h"

/*
 * A survey asks all nodes of the cluster, this one among them.  The others
 * find the question in their inboxes; each leaves its answer in Redis, in the
 * memory of the library, and says so in the inbox of who asked.
 */
typedef struct push_survey_t {
    push_survey_kind_t kind;
    push_text_t question; /* fields; as the kind has them */
    /* Gets each answer (fields), this node's first; borrowed until it returns.
     * Takes no lock of a shard with it. */
    void (*take)(void *data, unsigned owner, push_text_t answer);
    void *data;
    bool others;              /* take() has what this node would say */
    push_nodes_asked_t nodes; /* set by the call: who answered, and who not */
} push_survey_t;

/*
 * Asks, and waits for the others: 500 ms at most.  Nodes whose lease is older
 * than 15 s are not asked, those that do not answer in time are silent.  Where
 * Redis is away all others are.
 */
void push_survey(push_cluster_t *cluster, push_survey_t *survey);

/* ---- the link: never waits for Redis ---- */

/* Q of no log of a user: an errand of the steward answers. */
void push_survey_asked(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry);

/* S: false if it is no answer to a survey of this node. */
bool push_survey_answered(push_cluster_t *cluster,
                          const push_inbox_entry_t *entry);

#endif
