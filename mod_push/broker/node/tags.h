#ifndef PUSH_NODE_TAGS_H
#define PUSH_NODE_TAGS_H

#include "broker/library/entries.h"
#include "broker/node/node.h"

/*
 * What the server subscribes users to, as Redis tells it: it gets into the
 * segment, and words->tags_due says where devices are to follow.
 */

/* For the link. */
void push_tags_told(push_cluster_t *cluster, const push_inbox_entry_t *entry);

/* For whoever loads a log: all of an answer about a user's log is here, as of
 * tick; body: of its PUSH_ENTRY_TAGS, or empty.  PUSH_BUSY, PUSH_NO_MEMORY. */
push_status_t push_tags_loaded(push_cluster_t *cluster, push_text_t log,
                               uint64_t tick, push_text_t body);

#endif
