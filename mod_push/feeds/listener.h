#ifndef PUSH_LISTENER_H
#define PUSH_LISTENER_H

#include "core/event.h"
#include "feeds/queue.h"
#include "store/shm/feed_words.h"

/* Who notes what happens to messages, for the thread of feeds. */
typedef struct push_feed_listener_t {
    push_feed_queue_t *queue; /* of push_note_t */
    const push_feed_words_t *words;
    _Atomic uint64_t dropped; /* notes that the queue had no room for */
} push_feed_listener_t;

/* What is told to push_feed_listener_tell(), whose data is the listener. */
#define PUSH_FEED_EVENTS                                                      \
    (PUSH_EVENT_BIT(PUSH_EVENT_ACKED) | PUSH_EVENT_BIT(PUSH_EVENT_DROPPED)    \
     | PUSH_EVENT_BIT(PUSH_EVENT_ENDED))

void push_feed_listener_tell(void *data, const push_event_t *event);

#endif
