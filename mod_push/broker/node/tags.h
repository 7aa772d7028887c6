#ifndef PUSH_NODE_TAGS_H
#define PUSH_NODE_TAGS_H

#include "broker/library/entries.h"
#include "broker/node/node.h"
#include "store/ops/tags.h"

/*
 * What the server subscribes users to: asked for at any node, kept by Redis,
 * told to whoever follows the user's log, and followed by devices where they
 * are.
 */

/* ---- workers ---- */

/* Each has a status, as push_store_assign() sets it. */
void push_tags_assign(push_cluster_t *cluster, push_assignment_t *list,
                      unsigned count);

/* The channels of a user, as visitor->channel. */
push_status_t push_tags_view(push_cluster_t *cluster, push_text_t user,
                             const push_visitor_t *visitor);

/*
 * Behind which mid the user's devices have what is published to the channel;
 * PUSH_NOT_FOUND: the server does not subscribe them to it.
 */
push_status_t push_tags_behind(push_cluster_t *cluster, push_text_t user,
                               push_text_t channel, uint64_t *mid);

/* ---- the link ---- */

void push_tags_told(push_cluster_t *cluster, const push_inbox_entry_t *entry);

/* ---- whoever loads a log ---- */

/* All of an answer about a user's log is here, as of tick; body: of its
 * PUSH_ENTRY_TAGS, or empty.  PUSH_BUSY, PUSH_NO_MEMORY. */
push_status_t push_tags_loaded(push_cluster_t *cluster, push_text_t log,
                               uint64_t tick, push_text_t body);

/* ---- the steward of the child with the link ---- */

/* Devices follow what was told of their users.  False: some could not, and do
 * at the next look. */
bool push_tags_settle_all(push_cluster_t *cluster);

#endif
