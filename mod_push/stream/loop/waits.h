#ifndef PUSH_WAITS_H
#define PUSH_WAITS_H

#include "stream/loop/queue.h"

/*
 * The streams of a reactor whose window is full of what the client's TCP has
 * not acknowledged.  No event tells when it has, so they are polled after 4
 * ms, those that wait for longer every 32 ms, and at last every 256 ms.  Only
 * who waits costs anything.  One thread.
 *
 * A stream waits while it is blocked and full.  One that does not wait any
 * more, or has ended, leaves its entry behind until the next poll.
 */

typedef struct push_waits_t {
    uint32_t *indexes;
    uint32_t count;
    uint32_t room;
    uint32_t polled;   /* ms of the reactor's clock */
    unsigned patience; /* the least of all, 1 to 3 */
} push_waits_t;

/* The stream waits from here on, or still; false when there is no memory. */
bool push_waits_add(push_waits_t *waits, push_stream_table_t *streams,
                    uint32_t index, uint32_t ms);

/* Those that are due go into the queue. */
void push_waits_poll(push_waits_t *waits, push_stream_table_t *streams,
                     push_queue_t *queue, uint32_t ms);

/* ms until the next are due, limit at most. */
uint32_t push_waits_next(const push_waits_t *waits, uint32_t ms,
                         uint32_t limit);

void push_waits_cleanup(push_waits_t *waits);

#endif
