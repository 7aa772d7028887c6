#ifndef PUSH_REDIS_BACKOFF_H
#define PUSH_REDIS_BACKOFF_H

#include <stdint.h>

#define PUSH_BACKOFF_MIN_MS 50
#define PUSH_BACKOFF_MAX_MS 2000

/*
 * When to try again after so many tries in vain: a random time from 0 (so that
 * processes spread) up to 50 ms, 100 ms … 2 s.
 */
int64_t push_backoff_ms(unsigned tries);

#endif
