#ifndef PUSH_COUNTS_H
#define PUSH_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/failpoint.h"

/*
 * What happened since the memory was made, in numbers that only rise.
 *
 * Counters stand in blocks.  A block has one writer at a time, so to count is
 * a load and a store: each shard has one, for who holds its lock, and each
 * seat has one, for its reactor's thread, which counts with no lock.  A block
 * outlives its writers: the next owner of the lock or of the seat goes on
 * where the last one stopped or was killed, so there is nothing to hand on,
 * and no sum can fall or count twice.  Who reads adds up all blocks.
 *
 * With two processes in 64 shards, 52 ns for a lock that is taken and given
 * back become 74 with a locked add to one line that all share, 53 with the
 * shard's line, which comes along with its lock, and 52 with a line a thread,
 * which would have to be claimed, and handed on when the thread dies.
 */

/*
 * Each counter, with its name in <admin>/stats, which shows them in this
 * order; docs/protocol.md says what it means.  All are counted in the block of
 * the shard that is locked, DELIVERED of a stream in that of the seat.
 */
#define PUSH_COUNT_TABLE(COUNT)                                               \
    COUNT(PUBLISHED, "published")                                             \
    COUNT(DELIVERED, "delivered")                                             \
    COUNT(ACKED, "acked")                                                     \
    COUNT(EXPIRED, "expired")                                                 \
    COUNT(REPLACED, "replaced")                                               \
    COUNT(RECALLED, "recalled")                                               \
    COUNT(EVICTED, "evicted")                                                 \
    COUNT(REFUSED, "refused")

#define PUSH_COUNT_KIND(kind, name) PUSH_COUNT_##kind,

typedef enum push_count_t {
    PUSH_COUNT_TABLE(PUSH_COUNT_KIND) PUSH_COUNTS
} push_count_t;

#undef PUSH_COUNT_KIND

/* One block. */
typedef struct push_counts_t {
    _Atomic uint64_t of[PUSH_COUNTS]; /* push_count_t */
} push_counts_t;

/* The block's writer only. */
static inline void push_count(push_counts_t *counts, push_count_t what,
                              uint64_t more)
{
    uint64_t so_far = atomic_load_explicit(&counts->of[what],
                                           memory_order_relaxed);

    atomic_store_explicit(&counts->of[what], so_far + more,
                          memory_order_relaxed);
    PUSH_FAILPOINT("counted");
}

/* Adds the block to the sums.  Any thread. */
void push_counts_add(uint64_t sums[PUSH_COUNTS], const push_counts_t *counts);

const char *push_count_name(push_count_t what);

#endif
