#ifndef PUSH_COPIED_H
#define PUSH_COPIED_H

#include "store/shm/segment.h"

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

/* It begins at a multiple of this, behind the name. */
#define PUSH_COPY_ALIGNMENT 8u

static inline size_t push_copy_at(size_t size)
{
    return (size + PUSH_COPY_ALIGNMENT - 1) / PUSH_COPY_ALIGNMENT
           * PUSH_COPY_ALIGNMENT;
}

/* Bytes for it behind an object of so many; 0 on one machine. */
static inline size_t push_copy_room(const push_segment_t *segment, size_t size)
{
    return segment->cluster
               ? push_copy_at(size) - size + sizeof(push_log_copy_t)
               : 0;
}

#endif
