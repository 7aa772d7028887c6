#ifndef PUSH_COPY_H
#define PUSH_COPY_H

#include "store/shard/copied.h"
#include "store/shard/store.h"

/* The copies of logs that a node of a cluster has; see store/shard/copied.h. */

/* NULL where the segment is none of a cluster. */
push_log_copy_t *push_log_copy(const push_store_t *store,
                               const push_log_t *log);

/* The log is one that this node hears of, or is about to. */
static inline bool push_copy_followed(const push_store_t *store,
                                      const push_log_t *log)
{
    const push_log_copy_t *copy = push_log_copy(store, log);

    return copy && copy->state != PUSH_FOLLOW_NOT;
}

static inline bool push_copy_live(const push_store_t *store,
                                  const push_log_t *log)
{
    const push_log_copy_t *copy = push_log_copy(store, log);

    return !copy || copy->state == PUSH_FOLLOW_LIVE;
}

static inline bool push_copy_behind(const push_log_copy_t *copy)
{
    return copy->dropped
           > atomic_load_explicit(&copy->version, memory_order_relaxed);
}

/* A mid below all that will be published to the log from now on. */
uint64_t push_copy_now(push_store_t *store, const push_log_t *log);

#endif
