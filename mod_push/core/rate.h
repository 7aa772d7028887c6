#ifndef PUSH_RATE_H
#define PUSH_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A token bucket in one number (GCRA, ITU-T I.371): the moment at which the
 * bucket is full again.  It holds what comes in one second, so that a burst
 * of so many is let through.
 */

#define PUSH_RATE_MAX 1000000u /* a second */

/* Whose rate it is. */
typedef enum push_rate_kind_t {
    PUSH_RATE_PUBLISHER,
    PUSH_RATE_USER
} push_rate_kind_t;

/* The outcome of taking one more. */
typedef struct push_rate_t {
    uint32_t limit;     /* a second */
    uint32_t remaining; /* that would be let through now */
    int64_t wait;       /* ns until the next one is; 0: at once */
} push_rate_t;

/*
 * Takes one out of the bucket; false if it is empty, and then nothing is
 * taken.  full_at and now are ns of the same clock; limit is 1 to
 * PUSH_RATE_MAX.
 */
bool push_rate_take(int64_t *full_at, int64_t now, uint32_t limit,
                    push_rate_t *rate);

#endif
