#ifndef PUSH_COPY_H
#define PUSH_COPY_H

#include "store/shard/store.h"

/*
 * What a node of a cluster knows of each log that it has a copy of: behind the
 * name in the object of the user or the channel, and there in the segment of a
 * cluster alone (push_mapping_t's hash_key).  Of the shard's lock, but for
 * version, which any thread may read.
 *
 * The version moves without holes: all that was published up to it is, or was,
 * in the log.  What came while it could not be applied is noted in dropped;
 * while that is above the version, the log is behind: nothing is applied until
 * it was loaded from there on.
 */

typedef enum push_follow_state_t {
    PUSH_FOLLOW_NOT,     /* this node hears nothing of it */
    PUSH_FOLLOW_LOADING, /* it will, once it is loaded */
    PUSH_FOLLOW_LIVE,
    PUSH_FOLLOW_LEAVING /* nobody here needs it; about to be forgotten */
} push_follow_state_t;

typedef struct push_log_copy_t {
    _Atomic uint64_t version; /* tick */
    uint64_t dropped;         /* tick; the newest that was not applied */
    uint32_t loader; /* seat's tag of the process that loads or leaves it */
    uint32_t errand; /* the number of that; the last one has it */
    uint8_t state;   /* push_follow_state_t */
    uint8_t part;    /* the low bits of its partition; never changes */
    uint16_t unused;
    uint32_t marked[PUSH_LANES]; /* dropped elsewhere for the limit */
} push_log_copy_t;

_Static_assert(sizeof(push_log_copy_t) == 48, "a followed log costs 48 bytes");

/* The tick of a mid, and the last mid that a tick can have. */
#define PUSH_TICK_OF(mid)   ((mid) >> 12)
#define PUSH_MID_LAST(tick) (((tick) << 12) | 4095u)

/* NULL where the segment is none of a cluster. */
push_log_copy_t *push_log_copy(const push_store_t *store,
                               const push_log_t *log);

/* Bytes for it behind an object of so many; 0 on one machine. */
size_t push_copy_room(const push_store_t *store, size_t size);

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
