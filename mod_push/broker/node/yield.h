#ifndef PUSH_NODE_YIELD_H
#define PUSH_NODE_YIELD_H

#include "broker/library/entries.h"
#include "broker/node/node.h"
#include "store/ops/disown.h"

/*
 * A device goes to another node, or to nobody.  Its stream ends as superseded,
 * and its record with the session is sent, without anybody waiting for that.
 */

/* ---- the link: never waits for Redis ---- */

/* Y: another node asks for a device. */
void push_yield_asked(push_cluster_t *cluster,
                      const push_inbox_entry_t *entry);

/* Z: another node has forced us out of a device. */
void push_yield_forced(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry);

/* ---- any thread ---- */

/* Of which device, and to whom it goes. */
typedef struct push_yield_to_t {
    push_text_t user;
    const unsigned char *id;
    unsigned owner; /* PUSH_OWNER_NOBODY: it is released */
    uint32_t fence; /* that who asks has seen */
    bool last;      /* the node ends: of its own segment nothing is needed */
} push_yield_to_t;

/*
 * Gives it up; *sent: the record is on its way.  PUSH_NOT_FOUND: it is not
 * ours; PUSH_OVER: not yet, its log is being loaded; PUSH_BUSY,
 * PUSH_NO_MEMORY.
 */
push_status_t push_yield(push_cluster_t *cluster, const push_yield_to_t *to);

/* Gives up some of those that the walk finds, to nobody; returns how many it
 * tried, as some may be refused for now.  last: as above. */
unsigned push_yield_some(push_cluster_t *cluster, push_owned_walk_t *walk,
                         bool last);

/*
 * This child has the link now: what is YIELDING goes to nobody, by an errand,
 * since a process has died with it.  Redis knows whether it came to that, and
 * who waits for it gets it, session and all.  A yield that is under way after
 * all takes no harm, but for a second that somebody waits.
 */
void push_yield_take_over(push_cluster_t *cluster);

/* As push_yield(), for a node that waits for an answer: N, if it is not ours. */
void push_yield_answer(push_cluster_t *cluster, const push_yield_to_t *to);

#endif
