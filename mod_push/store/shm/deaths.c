#include "store/shm/deaths.h"

#include <stdatomic.h>

static bool holds_seat(const push_segment_t *segment, uint32_t pid)
{
    const char *base = (const char *)segment + segment->seats_at;
    const push_seat_t *seats = (const push_seat_t *)(const void *)base;

    for (uint32_t i = 0; i < segment->seats; i++) {
        if (atomic_load(&seats[i].pid) == pid) {
            return true;
        }
    }
    return false;
}

void push_deaths_note(push_segment_t *segment, uint32_t pid, int64_t now)
{
    push_deaths_t *deaths = &segment->deaths;
    uint32_t count = atomic_load(&deaths->count);

    if (holds_seat(segment, pid)) {
        atomic_store(&deaths->at[count % PUSH_DEATHS], now);
        atomic_store(&deaths->count, count + 1);
    }
}

unsigned push_deaths_since(const push_segment_t *segment, int64_t since)
{
    const push_deaths_t *deaths = &segment->deaths;
    uint32_t count = atomic_load(&deaths->count);
    uint32_t room = count < PUSH_DEATHS ? count : PUSH_DEATHS;
    unsigned found = 0;

    while (found < room
           && atomic_load(&deaths->at[(count - 1 - found) % PUSH_DEATHS])
                  >= since) {
        found++;
    }
    return found;
}
