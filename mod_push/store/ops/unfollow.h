#ifndef PUSH_UNFOLLOW_H
#define PUSH_UNFOLLOW_H

#include "store/ops/follow.h"

/* The end of what push_follow_begin() began.  Each locks the log's shard. */

/*
 * Nobody here needs the log: no device, no subscriber, none arriving.  mine:
 * the caller tells the cluster (push_unfollow), then ends it.  While it is
 * LEAVING nobody begins it.  PUSH_OVER: it is needed (or the broadcast);
 * PUSH_NOT_FOUND; PUSH_BUSY.
 */
push_status_t push_follow_leave(push_store_t *store, push_text_t log,
                                push_follow_t *follow);

/*
 * left: the log goes, with all its messages, and the object of its user or
 * channel.  Else (the cluster may think that we follow) it is to be loaded
 * again from its version on.  PUSH_STALE, PUSH_NOT_FOUND, PUSH_BUSY.
 */
push_status_t push_follow_left(push_store_t *store, push_text_t log,
                               uint32_t errand, bool left);

#endif
