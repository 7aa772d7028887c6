#ifndef PUSH_LOADING_H
#define PUSH_LOADING_H

#include "broker/library/follow_calls.h"
#include "broker/node/node.h"
#include "store/ops/follow.h"
#include "store/ops/follow_walk.h"

/* From what Redis says of a log to the log in the segment. */

typedef struct push_loading_t {
    unsigned partition;
    push_text_t log;
    uint32_t errand;    /* of push_follow_begin(); 0: of a resync */
    uint64_t since;     /* that was asked with */
    bool rest_of_whole; /* since is where a piece of a whole answer ended */
    const push_followed_t *followed;
} push_loading_t;

/*
 * Puts one answer into the segment; as push_follow_load().  PUSH_NO_MEMORY:
 * nothing was changed.
 */
push_status_t push_loading_put(push_cluster_t *cluster,
                               const push_loading_t *loading,
                               const push_time_t *now, bool *again);

/* The marks of an answer, for push_store_import(); at most room of them. */
unsigned push_loading_marks(const push_loading_t *loading,
                            const push_time_t *now, push_dropped_t *marks,
                            unsigned room);

/* What a failure means to whoever has to be answered. */
push_status_t push_status_of_failure(unsigned failure);

#endif
