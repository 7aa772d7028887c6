#ifndef PUSH_NODE_FOLLOWERS_H
#define PUSH_NODE_FOLLOWERS_H

#include "broker/node/node.h"

/*
 * Publishers are told how many devices a log has, and how many of them are
 * connected: each node says its part to Redis.  Here is noted of which logs
 * that has changed; many changes of one log are said once.
 */

typedef struct push_followers_t push_followers_t;

/* Listens to the store; before there are streams.  NULL: no memory. */
push_followers_t *push_followers_start(push_cluster_t *cluster);

/* Behind the last stream. */
void push_followers_stop(push_followers_t *followers);

/* A device of this user came back without a claim. */
void push_followers_came_back(push_followers_t *followers, push_text_t user);

/* Says what has changed since the last time, and waits for no reply. */
void push_followers_tell(push_followers_t *followers);

#endif
