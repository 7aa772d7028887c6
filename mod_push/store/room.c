#include "store/room.h"

#include <stdatomic.h>

static int64_t room_of(const push_seat_t *seat)
{
    return (int64_t)atomic_load(&seat->limit) - atomic_load(&seat->streams);
}

int push_room_find(const push_seats_t *seats)
{
    int64_t most = 0;
    int found = -1;

    for (uint32_t i = 0; i < seats->count; i++) {
        push_seat_t *seat = &seats->seats[i];

        if (room_of(seat) > most && !atomic_load(&seat->closed)
            && !push_seat_vacant(seat)) {
            most = room_of(seat);
            found = (int)i;
        }
    }
    return found;
}

bool push_room_reserve(push_seat_t *seat)
{
    uint32_t streams = atomic_load(&seat->streams);

    do {
        if (streams >= atomic_load(&seat->limit)) {
            return false;
        }
    } while (
        !atomic_compare_exchange_weak(&seat->streams, &streams, streams + 1));
    return true;
}

void push_room_give_back(push_seat_t *seat)
{
    atomic_fetch_sub(&seat->streams, 1);
}

bool push_room_promise(const push_seats_t *seats, unsigned from, unsigned to)
{
    int64_t promised = 0;

    atomic_fetch_add(&seats->seats[from].promised, 1);
    for (uint32_t i = 0; i < seats->count; i++) {
        promised += atomic_load(&seats->seats[i].promised);
    }
    if (promised <= room_of(&seats->seats[to])) {
        return true;
    }
    push_room_fulfil(seats, from);
    return false;
}

/* Not below 0: a process may have left its seat with promises under way. */
void push_room_fulfil(const push_seats_t *seats, unsigned from)
{
    push_seat_t *seat = &seats->seats[from];
    uint32_t promised = atomic_load(&seat->promised);

    while (promised
           && !atomic_compare_exchange_weak(&seat->promised, &promised,
                                            promised - 1)) {
    }
}
