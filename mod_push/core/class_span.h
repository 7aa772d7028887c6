#ifndef PUSH_CLASS_SPAN_H
#define PUSH_CLASS_SPAN_H

#include <stdatomic.h>

#include "core/class.h"
#include "core/log.h"

/* Of a lane: all messages from a position on have this mark. */
typedef struct push_class_span_t {
    _Atomic uint32_t mark;
    _Atomic uint32_t since;
} push_class_span_t;

/*
 * The class of what is at a position in the log of a channel, if it is known
 * without a look at the message, else PUSH_CLASSES.  Needs no lock: who
 * publishes says first since when, and then what.
 */
static inline unsigned push_class_at(const push_classes_t *classes,
                                     const push_log_t *log, unsigned lane,
                                     uint32_t at)
{
    const push_class_span_t *span = (const push_class_span_t *)(log + 1)
                                    + lane;
    uint32_t class = atomic_load_explicit(&span->mark, memory_order_acquire)
                     ^ classes->mark;
    uint32_t since = atomic_load_explicit(&span->since, memory_order_relaxed);

    return class < PUSH_CLASSES && !push_before(at, since) ? class
                                                           : PUSH_CLASSES;
}

#endif
