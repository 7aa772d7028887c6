#ifndef PUSH_PACE_H
#define PUSH_PACE_H

#include <stdint.h>

/*
 * When a reactor is to pause.  One that has not slept for a while, and still
 * finds little for each stream, spends its time on system calls: after a pause
 * it finds more for each, and writes it in one call.  Publishers get the time.
 * One thread.
 */

typedef struct push_pace_t {
    int64_t since; /* mono ms; it has not slept since then, 0: it sleeps */
    uint32_t flushes;
    uint32_t messages; /* that these flushes wrote */
} push_pace_t;

#define PUSH_PACE_BUSY_MS  30u /* so long without sleep, and it is busy */
#define PUSH_PACE_PAUSE_MS 10u
#define PUSH_PACE_ENOUGH   8u /* messages a flush that need no pause */

/* It sleeps: what comes next is sent at once. */
static inline void push_pace_rest(push_pace_t *pace)
{
    pace->since = 0;
}

/* After a turn with so many flushes: ms to pause before the next one. */
uint32_t push_pace_after(push_pace_t *pace, int64_t now, uint32_t flushes,
                         uint32_t messages);

#endif
