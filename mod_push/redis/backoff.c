#include "redis/backoff.h"

#include <sys/random.h>

int64_t push_backoff_ms(unsigned tries)
{
    int64_t most = PUSH_BACKOFF_MIN_MS;
    uint32_t random = 0x80000000u;

    while (tries-- > 1 && most < PUSH_BACKOFF_MAX_MS) {
        most *= 2;
    }
    if (most > PUSH_BACKOFF_MAX_MS) {
        most = PUSH_BACKOFF_MAX_MS;
    }
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
        random = 0x80000000u;
    }
    return (int64_t)((uint64_t)most * random >> 32) + 1;
}
