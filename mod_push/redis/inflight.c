#include "redis/inflight.h"

#include <stdlib.h>

bool push_inflight_reserve(push_inflight_t *inflight)
{
    unsigned room = inflight->room ? inflight->room * 2 : 64;
    push_inflight_command_t *ring;

    if (push_inflight_count(inflight) < inflight->room) {
        return true;
    }
    ring = malloc(room * sizeof(*ring));
    if (!ring) {
        return false;
    }
    for (uint64_t i = inflight->from; i < inflight->to; i++) {
        ring[i & (room - 1)] = *push_inflight_at(inflight, i);
    }
    free(inflight->ring);
    inflight->ring = ring;
    inflight->room = room;
    return true;
}
