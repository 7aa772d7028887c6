#ifndef PUSH_TALLY_MESSAGE_H
#define PUSH_TALLY_MESSAGE_H

#include "core/message_texts.h"
#include "core/tally.h"

/* What happens to a message that is there, by its class. */

/* One load, unless it is retired, or of before other names were given. */
static inline unsigned push_class_of_message(const push_classes_t *classes,
                                             const push_message_t *message)
{
    uint32_t class = __atomic_load_n(&message->retired, __ATOMIC_RELAXED)
                     ^ classes->mark;

    return class < PUSH_CLASSES
               ? class
               : push_class_for(classes, push_message_event(message),
                                push_message_where(message));
}

/*
 * With the lock of the shard of this heap.  NULL: it is forgotten, so nobody
 * knows its class, and it is of `other`.
 */
static inline void push_tally_message(const push_heap_t *heap,
                                      const push_message_t *message,
                                      push_tally_kind_t what)
{
    if (heap->tally && message) {
        push_tally_class(heap, push_class_of_message(heap->classes, message),
                         what, 1);
    }
}

#endif
