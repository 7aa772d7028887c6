#ifndef PUSH_ENDS_H
#define PUSH_ENDS_H

#include "broker/library/entries.h"
#include "broker/node/node.h"

/*
 * Streams of a user that end on all nodes, and tokens that all nodes refuse
 * from then on.
 */

/* As dismiss() of the broker. */
push_status_t push_ends_dismiss(push_cluster_t *cluster, push_text_t user,
                                int64_t refuse, uint32_t *streams);

/* What was revoked while this node did not hear of it; waits for Redis. */
push_status_t push_ends_recover(push_cluster_t *cluster);

/* ---- the link: never waits for Redis ---- */

/* E: another node ends a user's streams, or this one does. */
void push_ends_asked(push_cluster_t *cluster, const push_inbox_entry_t *entry);

/* S: another node has. */
void push_ends_answered(push_cluster_t *cluster,
                        const push_inbox_entry_t *entry);

#endif
