#ifndef PUSH_BATCHING_H
#define PUSH_BATCHING_H

#include <stdint.h>

/*
 * The batching pause of a reactor.  One that has not slept for a while, and
 * still finds little for each stream, spends its time on system calls: after a
 * pause it finds more for each, and writes it in one call.  Publishers get the
 * time.  One thread.
 */

typedef struct push_batching_t {
    int64_t since; /* mono ms; it has not slept since then, 0: it sleeps */
    uint32_t flushes;
    uint32_t messages; /* that these flushes wrote */
} push_batching_t;

#define PUSH_BATCHING_BUSY_MS  30u /* so long without sleep, and it is busy */
#define PUSH_BATCHING_PAUSE_MS 10u
#define PUSH_BATCHING_ENOUGH   8u /* messages a flush that need no pause */

/* The reactor sleeps: what comes next is sent at once. */
static inline void push_batching_reset(push_batching_t *batching)
{
    batching->since = 0;
}

/* The ms to pause after a turn with so many flushes, before the next one. */
uint32_t push_batching_pause(push_batching_t *batching, int64_t now,
                             uint32_t flushes, uint32_t messages);

#endif
