#ifndef PUSH_TALLY_H
#define PUSH_TALLY_H

#include "core/class.h"
#include "core/content.h"
#include "core/heap.h"

/*
 * What happened to messages of named classes: figures of reports.  Those of
 * `other` are never tallied: they are what the counters have above the sum of
 * these (store/shard/report.c), so who counts tallies first.  As long as no
 * names are given, a heap has no tally.
 *
 * They stand in blocks
 * as the counters do, with one writer each, and only rise (core/counts.h); but
 * of 32 bits, so they wrap, and who takes differences in time gets them right.
 *
 * A class of a block is less than a line, and counting touches one figure.
 */

/* Each figure with its name, in the order in which reports show them. */
#define PUSH_TALLY_TABLE(TALLY)                                               \
    TALLY(PUBLISHED, "published")                                             \
    TALLY(DELIVERED, "delivered")                                             \
    TALLY(ACKED, "acked")                                                     \
    TALLY(EXPIRED, "expired")                                                 \
    TALLY(REPLACED, "replaced")                                               \
    TALLY(RECALLED, "recalled")                                               \
    TALLY(EVICTED, "evicted")                                                 \
    TALLY(REFUSED, "refused")                                                 \
    TALLY(FILTERED, "filtered")

#define PUSH_TALLY_KIND(kind, name) PUSH_TALLY_##kind,

typedef enum push_tally_kind_t {
    PUSH_TALLY_TABLE(PUSH_TALLY_KIND) PUSH_TALLIES
} push_tally_kind_t;

#undef PUSH_TALLY_KIND

/* One block. */
typedef struct push_tally_t {
    _Atomic uint32_t of[PUSH_CLASSES][PUSH_TALLIES];
} push_tally_t;

/* The block's writer only. */
static inline void push_tally_add(_Atomic uint32_t *figure, uint32_t more)
{
    uint32_t so_far = atomic_load_explicit(figure, memory_order_relaxed);

    atomic_store_explicit(figure, so_far + more, memory_order_relaxed);
    PUSH_FAILPOINT("tallied");
}

/* With the lock of the shard of this heap, which has a tally. */
static inline void push_tally_class(const push_heap_t *heap, unsigned class,
                                    push_tally_kind_t what, uint32_t more)
{
    if (class != PUSH_CLASS_OTHER) {
        push_tally_add(&heap->tally->of[class][what], more);
    }
}

/* With the lock of the shard of this heap; of what is or was published. */
static inline void push_tally(const push_heap_t *heap,
                              const push_message_spec_t *spec,
                              push_tally_kind_t what, uint32_t more)
{
    if (heap->tally) {
        push_tally_class(heap,
                         push_class_for(heap->classes, spec->content.event,
                                        spec->where),
                         what, more);
    }
}

const char *push_tally_name(push_tally_kind_t what);

#endif
