#include "core/rate.h"

#define SECOND INT64_C(1000000000)

bool push_rate_take(int64_t *full_at, int64_t now, uint32_t limit,
                    push_rate_t *rate)
{
    int64_t each = SECOND / limit;
    int64_t brim = each * limit;
    int64_t missing = *full_at > now ? *full_at - now : 0;
    bool taken = missing + each <= brim;

    /* A clock that went back, or a higher limit before. */
    if (missing > brim) {
        missing = brim;
        *full_at = now + brim;
    }
    if (taken) {
        missing += each;
        *full_at = now + missing;
    }
    rate->limit = limit;
    rate->remaining = (uint32_t)((brim - missing) / each);
    rate->wait = missing + each > brim ? missing + each - brim : 0;
    return taken;
}
