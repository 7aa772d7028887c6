#ifndef PUSH_NODE_KEPT_H
#define PUSH_NODE_KEPT_H

#include "broker/library/later_calls.h"
#include "broker/node/names.h"
#include "core/later_view.h"

/* What Redis keeps for later, as nodes write and read it. */

/*
 * What an administrator may see of it, and what a node has to know to publish
 * it: all but its payload, by push_later_write().
 */
typedef struct push_kept_shown_t {
    uint32_t size; /* bytes of the payload */
    uint32_t unused;
    push_later_body_t body;
    char texts[2048];
} push_kept_shown_t;

/*
 * Makes the command that keeps a publication; of call home, log, record, rate
 * and key are set.  False: no memory.
 */
bool push_kept_schedule(const push_cluster_t *cluster, push_command_t *command,
                        const push_publication_t *publication,
                        push_schedule_call_t *call);

/* One is kept until then (wall ms): whoever publishes it looks in time. */
void push_kept_tell(const push_cluster_t *cluster, int64_t at);

/*
 * The publication, its texts in the room, without a payload.  False: it is
 * nothing that is kept, or no node wrote it.
 */
bool push_kept_read_shown(const push_kept_t *kept, push_kept_shown_t *room,
                          push_publication_t *publication);

/* As an administrator sees it, likewise; of a partition. */
bool push_kept_view(const push_kept_t *kept, unsigned partition,
                    push_kept_shown_t *room, push_later_view_t *view);

/* One, with visitor->later.  PUSH_NOT_FOUND, also where it is for others. */
push_status_t push_kept_fetch(push_cluster_t *cluster,
                              const push_sought_t *sought,
                              const push_visitor_t *visitor);

/*
 * Takes one back.  PUSH_NOT_FOUND, as above; PUSH_OVER; PUSH_NO_STATE: it may
 * come back when a replica takes over.
 */
push_status_t push_kept_recall(push_cluster_t *cluster,
                               const push_sought_t *sought);

#endif
