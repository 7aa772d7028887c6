#ifndef PUSH_LINK_H
#define PUSH_LINK_H

#include "broker/node/node.h"

/*
 * The link: a thread of each child, of which one in the node works, that
 * which has the lead of the words; when its process dies, another one goes
 * on within 250 ms, where it stopped.  When it stands still, another one does
 * within 3 s; it finds that out before it writes anything, should it go on.
 *
 * It has connections of its own, and never waits but for all of them at once.
 * It drains the inbox of each master when that wakes it, and every second; what
 * comes is applied within the reply's callback.  What needs another call to
 * Redis, an entry leaves to the steward.
 */

typedef struct push_link_t push_link_t;

/* Starts the thread; cluster->steward must run.  NULL, with errno. */
push_link_t *push_link_start(push_cluster_t *cluster);

/* Joins the thread and frees it; another child's goes on. */
void push_link_stop(push_link_t *link);

#endif
