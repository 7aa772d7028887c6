#ifndef PUSH_LISTENER_H
#define PUSH_LISTENER_H

#include "core/event.h"
#include "feeds/queue.h"
#include "store/shm/feed_words.h"

/* What is noted for no channel, of messages to users: bits beside those of the
 * feeds. */
#define PUSH_HEARD_PUBLISHED                                                  \
    (1u << PUSH_FEEDS) /* it may stay unacknowledged */
#define PUSH_HEARD_REPLACED (2u << PUSH_FEEDS)
#define PUSH_HEARD_RECALLED (4u << PUSH_FEEDS)
#define PUSH_HEARD_GAP      (8u << PUSH_FEEDS) /* of devices */

/* Who notes what happens to messages, for the thread of feeds. */
typedef struct push_feed_listener_t {
    push_feed_queue_t *queue; /* of push_note_t */
    const push_feed_words_t *words;
    uint32_t wanted; /* PUSH_FEED_BIT() of those that are always heard, and
                        PUSH_HEARD_* */
    _Atomic uint64_t dropped; /* notes that the queue had no room for */
} push_feed_listener_t;

/* False: what happens for this feed is for nobody.  Takes no lock. */
static inline bool push_feed_heard(const push_feed_listener_t *listener,
                                   push_feed_t feed)
{
    return listener->wanted & PUSH_FEED_BIT(feed)
           || push_feed_known(listener->words, feed);
}

/* What is told to push_feed_listener_tell(), whose data is the listener. */
#define PUSH_FEED_EVENTS                                                      \
    (PUSH_EVENT_BIT(PUSH_EVENT_ACKED) | PUSH_EVENT_BIT(PUSH_EVENT_DROPPED)    \
     | PUSH_EVENT_BIT(PUSH_EVENT_ENDED))

void push_feed_listener_tell(void *data, const push_event_t *event);

#endif
