#include "store/shm/clock.h"

#include <time.h>

static int64_t clock_us(clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

int64_t push_clock_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

push_time_t push_clock_now(void)
{
    int64_t us = push_clock_us();

    return (push_time_t){us / 1000, clock_us(CLOCK_REALTIME) / 1000, us};
}

push_time_t push_clock_later(const push_time_t *earlier)
{
    int64_t us = push_clock_us();

    return (push_time_t){us / 1000, earlier->wall + (us - earlier->us) / 1000,
                         us};
}
