#ifndef PUSH_STORE_TAGS_H
#define PUSH_STORE_TAGS_H

#include "store/ops/assign.h"

/*
 * In a cluster: what the server subscribes users to is in Redis, and comes with
 * the user's log and with each change.  Here is what a node does with it: the
 * list beside the user says how it stands, and its devices follow that as soon
 * as the channels are here.  So until then nothing is lost: they begin where
 * the channel was when they were subscribed to it.
 */

typedef struct push_user_tag_t {
    push_text_t channel;
    uint64_t since; /* tick of the channel's log; what is above it */
} push_user_tag_t;

typedef struct push_user_tags_t {
    push_text_t user;
    uint64_t tick; /* of the user's log; so it was then */
    bool changed;  /* it is a change: the log may be older here */
    const push_user_tag_t *list;
    unsigned count; /* at most PUSH_ASSIGNED_MAX */
} push_user_tags_t;

/*
 * Stores it, unless what is here is newer, or the user is not followed; *due:
 * devices are to follow.  PUSH_BUSY, PUSH_NO_MEMORY.
 */
push_status_t push_tags_store(push_store_t *store,
                              const push_user_tags_t *tags, bool *due);

/* What the user has here; the caller frees its list.  PUSH_BUSY,
 * PUSH_NO_MEMORY. */
push_status_t push_tags_copy(push_store_t *store, push_text_t user,
                             push_assigned_copy_t *copy);

/*
 * Lists of the shard that devices do not follow yet, as copies; gives how many,
 * at most room.
 */
unsigned push_tags_due(push_store_t *store, unsigned shard,
                       push_assigned_copy_t *copies, unsigned room);

/*
 * The user's devices follow the copy, unless there is another one by now.  All
 * of its channels have to be LIVE here.  PUSH_NOT_FOUND: one is not; PUSH_BUSY,
 * PUSH_NO_MEMORY.
 */
push_status_t push_tags_settle(push_store_t *store,
                               push_assigned_copy_t *copy);

#endif
