#include "broker/node/turns.h"

#include "core/ids.h"

#define ROUND_MIN_MS 1000

push_turns_t push_turns_between(int64_t before, int64_t now, int64_t round)
{
    int64_t from, to;

    if (round < ROUND_MIN_MS) {
        round = ROUND_MIN_MS;
    }
    from = before * PUSH_SHARDS / round;
    to = now * PUSH_SHARDS / round;
    if (to - from > PUSH_SHARDS) {
        from = to - PUSH_SHARDS;
    }
    return (push_turns_t){(unsigned)((from + 1) % PUSH_SHARDS),
                          to > from ? (unsigned)(to - from) : 0};
}
