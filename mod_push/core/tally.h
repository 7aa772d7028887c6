#ifndef PUSH_TALLY_H
#define PUSH_TALLY_H

#include "core/class.h"
#include "core/heap.h"
#include "core/message_texts.h"

/*
 * What happened, by event class: the figures of reports.  They stand in blocks
 * as the counters do, with one writer each, and only rise (core/counts.h); but
 * of 32 bits, so they wrap, and who takes differences in time gets them right.
 *
 * The classes of one block are 64 bytes for two, so counting touches one line,
 * which comes with the lock of its shard.
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
    TALLY(REFUSED, "refused")

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

/* One load, unless it is retired, or of before other names were given. */
static inline unsigned push_class_of_message(const push_classes_t *classes,
                                             const push_message_t *message)
{
    uint32_t class = __atomic_load_n(&message->retired, __ATOMIC_RELAXED)
                     ^ classes->mark;

    return class < PUSH_CLASSES
               ? class
               : push_class_of(classes, push_message_event(message));
}

/* With the lock of the shard of this heap; of an event type, or none. */
static inline void push_tally(const push_heap_t *heap, push_text_t event,
                              push_tally_kind_t what, uint32_t more)
{
    if (heap->tally) {
        unsigned class = push_class_of(heap->classes, event);

        push_tally_add(&heap->tally->of[class][what], more);
    }
}

/* The same of a message; NULL: it is forgotten, so nobody knows its class. */
static inline void push_tally_message(const push_heap_t *heap,
                                      const push_message_t *message,
                                      push_tally_kind_t what)
{
    if (heap->tally) {
        unsigned class = message
                             ? push_class_of_message(heap->classes, message)
                             : PUSH_CLASS_OTHER;

        push_tally_add(&heap->tally->of[class][what], 1);
    }
}

const char *push_tally_name(push_tally_kind_t what);

#endif
