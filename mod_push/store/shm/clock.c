#include "store/shm/clock.h"

#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

push_time_t push_clock_now(void)
{
    return (push_time_t){clock_ms(CLOCK_MONOTONIC), clock_ms(CLOCK_REALTIME)};
}
