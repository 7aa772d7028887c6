#include "triggers/run/verdict.h"

#define FIRST_MS   500
#define LONGEST_MS 300000
#define AFTER_MS   3600000

push_verdict_t push_verdict_of(long status)
{
    if (status == 204 || status == 304) {
        return PUSH_VERDICT_NOTHING;
    }
    if (status >= 200 && status < 300) {
        return PUSH_VERDICT_DONE;
    }
    return !status || status == 408 || status == 425 || status == 429
                   || status >= 500
               ? PUSH_VERDICT_LATER
               : PUSH_VERDICT_DEAD;
}

int64_t push_verdict_delay(unsigned attempt, uint64_t random, int64_t after)
{
    int64_t most = attempt < 10 ? FIRST_MS << attempt : LONGEST_MS;
    int64_t delay;

    if (most > LONGEST_MS) {
        most = LONGEST_MS;
    }
    delay = (int64_t)(random % (uint64_t)(most + 1));
    if (after > AFTER_MS) {
        after = AFTER_MS;
    }
    return delay < after ? after : delay;
}
