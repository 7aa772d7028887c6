#ifndef PUSH_FOLLOW_WALK_H
#define PUSH_FOLLOW_WALK_H

#include "store/ops/follow.h"

/* The logs that a node follows, and how each stands.  Takes locks of shards. */

typedef struct push_follow_view_t {
    char log[1 + PUSH_NAME_MAX];
    unsigned log_len;
    push_follow_state_t state;
    uint64_t version;
    bool behind;
    bool unattended; /* LOADING, LEAVING or behind, and nobody is at it */
    bool idle;       /* nobody here needs it, and it has no errand */
    uint32_t connected, subscribers; /* devices of this node */
} push_follow_view_t;

/* What is of interest; 0: all that is followed. */
#define PUSH_FOLLOW_UNATTENDED 1u
#define PUSH_FOLLOW_IDLE       2u

/* Where a walk stands; 0 at first. */
typedef struct push_follow_walk_t {
    unsigned partition;
    unsigned what;
    uint32_t bucket; /* the walk's own */
    uint32_t part;   /* likewise */
    bool done;       /* there is no more */
} push_follow_walk_t;

/*
 * The next followed logs of the partition, at most room (50 or more): copied.  Each is
 * found that was followed before the walk began and still is; one may come
 * twice.  PUSH_BUSY: nothing, try again.
 */
push_status_t push_follow_walk(push_store_t *store, push_follow_walk_t *walk,
                               push_follow_view_t *views, unsigned room,
                               unsigned *count);

/* The same of one log.  PUSH_NOT_FOUND: it is not followed. */
push_status_t push_follow_read(push_store_t *store, push_text_t log,
                               push_follow_view_t *view);

#endif
