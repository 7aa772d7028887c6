#ifndef PUSH_COUNTS_H
#define PUSH_COUNTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/failpoint.h"
#include "core/figures.h"
#include "core/labels.h"

/*
 * What happened since the memory was made, in numbers that only rise.
 *
 * Counters stand in blocks.  Most blocks have one writer at a time, so to
 * count is a load and a store: each shard has one, for who holds its lock, and
 * each seat has one, for its reactor's thread, which counts with no lock.
 * Each seat has another one for the threads of its process that serve
 * requests or write to disk; they add atomically (the functions ..._shared).
 * A block outlives its writers: the next owner of the lock or of the seat goes
 * on where the last one stopped or was killed, so there is nothing to hand on,
 * and no sum can fall or count twice.  Who reads adds up all blocks.
 *
 * With two processes in 64 shards, 52 ns for a lock that is taken and given
 * back become 74 with a locked add to one line that all share, 53 with the
 * shard's line, which comes along with its lock, and 52 with a line a thread,
 * which would have to be claimed, and handed on when the thread dies.
 */

/* The first cell of each figure, and in between those that follow it. */
#define PUSH_CELLS(kind, cells)                                               \
    PUSH_COUNT_##kind,                                                        \
        PUSH_COUNT_##kind##_LAST = PUSH_COUNT_##kind + (cells)-1,
#define PUSH_COUNT_CELLS(kind, name, label, other, help)                      \
    PUSH_CELLS(kind, PUSH_BY_##label##_VALUES *PUSH_BY_##other##_VALUES)
/* Of a histogram: for each value its buckets, and the sum in µs. */
#define PUSH_HISTOGRAM_CELLS(kind, name, label, bounds, help)                 \
    PUSH_CELLS(kind,                                                          \
               PUSH_BY_##label##_VALUES *(PUSH_BOUNDS_##bounds##_COUNT + 2))

typedef enum push_count_t {
    PUSH_COUNT_TABLE(PUSH_COUNT_CELLS)
        PUSH_HISTOGRAM_TABLE(PUSH_HISTOGRAM_CELLS) PUSH_COUNTS
} push_count_t;

#undef PUSH_CELLS
#undef PUSH_COUNT_CELLS
#undef PUSH_HISTOGRAM_CELLS

#define PUSH_HISTOGRAM_KIND(kind, name, label, bounds, help) PUSH_TIME_##kind,

typedef enum push_histogram_t {
    PUSH_HISTOGRAM_TABLE(PUSH_HISTOGRAM_KIND) PUSH_HISTOGRAMS
} push_histogram_t;

#undef PUSH_HISTOGRAM_KIND

/* The cell for a value of the first label and one of the other, of so many. */
static inline push_count_t push_cell(unsigned first, unsigned value,
                                     unsigned other, unsigned others)
{
    return (push_count_t)(first + value * others + other);
}

/* One block. */
typedef struct push_counts_t {
    _Alignas(64) _Atomic uint64_t of[PUSH_COUNTS]; /* push_count_t */
} push_counts_t;

/* ---- the block's only writer ---- */

static inline void push_count(push_counts_t *counts, push_count_t what,
                              uint64_t more)
{
    uint64_t so_far = atomic_load_explicit(&counts->of[what],
                                           memory_order_relaxed);

    atomic_store_explicit(&counts->of[what], so_far + more,
                          memory_order_relaxed);
    PUSH_FAILPOINT("counted");
}

/* ---- one writer of many ---- */

static inline void push_count_shared(push_counts_t *counts, push_count_t what,
                                     uint64_t more)
{
    atomic_fetch_add_explicit(&counts->of[what], more, memory_order_relaxed);
}

/* ---- any thread ---- */

/* Adds the block to the sums. */
void push_counts_add(uint64_t sums[PUSH_COUNTS], const push_counts_t *counts);

#endif
