#include "store/shm/deaths.h"

void push_deaths_note(push_deaths_t *deaths, int64_t now)
{
    uint32_t count = atomic_load(&deaths->count);

    atomic_store(&deaths->at[count % PUSH_DEATHS], now);
    atomic_store(&deaths->count, count + 1);
}

unsigned push_deaths_since(const push_deaths_t *deaths, int64_t since)
{
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
