#ifndef PUSH_NODE_ACKS_H
#define PUSH_NODE_ACKS_H

#include "broker/library/entries.h"
#include "broker/node/node.h"

/*
 * An acknowledgement comes to any node.  That of a device that is ours is done
 * here; else its owner is asked to do it, and answers within half a second; of
 * a device that nobody has, this node takes it over and does it.
 */

/* As ack() of the broker.  PUSH_NO_STATE: nobody knows whether it is done. */
push_status_t push_acks_take(push_cluster_t *cluster,
                             const push_checkin_t *checkin,
                             const push_time_t *now);

/* As only_made_up() of the broker, of the user's contexts on all nodes. */
bool push_acks_only_made_up(push_cluster_t *cluster, push_text_t user,
                            push_text_t app, char *device);

/* ---- the link: never waits for Redis ---- */

/* A: another node asks for an acknowledgement. */
void push_acks_asked(push_cluster_t *cluster, const push_inbox_entry_t *entry);

/* S: false if the answer is to no acknowledgement of this node. */
bool push_acks_answered(push_cluster_t *cluster,
                        const push_inbox_entry_t *entry);

#endif
