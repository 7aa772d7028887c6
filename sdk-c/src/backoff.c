/* backoff.c - when to try again. */
#include "backoff.h"

static uint64_t clamp(uint64_t n, uint64_t low, uint64_t high)
{
    return n < low ? low : n > high ? high : n;
}

/* Spread above the floor, so that nothing piles up on it. */
static uint64_t uniform(double u, uint64_t top)
{
    if (top <= PUSHC_BACKOFF_FLOOR) {
        return PUSHC_BACKOFF_FLOOR;
    }
    return PUSHC_BACKOFF_FLOOR
           + (uint64_t)(u * (double)(top - PUSHC_BACKOFF_FLOOR));
}

static uint64_t ceiling(const struct pushc_backoff *b)
{
    uint64_t base = clamp(b->base, PUSHC_RETRY_MIN, PUSHC_RETRY_MAX);
    unsigned exponent = b->failed > 20 ? 20 : b->failed;

    return clamp(base << exponent, 0, PUSHC_BACKOFF_CEILING);
}

uint64_t pushc_backoff_delay(const struct pushc_backoff *b, double u)
{
    switch (b->kind) {
    case PUSHC_BACKOFF_SPREAD:
        return uniform(u, clamp(b->hint, 0, PUSHC_SPREAD_MAX));
    case PUSHC_BACKOFF_RETRY_AFTER:
        return clamp(b->hint, 0, PUSHC_RETRY_AFTER_MAX)
               + uniform(u, ceiling(b));
    case PUSHC_BACKOFF_WAKE:
        return uniform(u, 1000);
    case PUSHC_BACKOFF_JITTER:
        break;
    }
    return uniform(u, ceiling(b));
}
