#include "store/shm/room.h"

#include <stdatomic.h>

/*
 * The idea: a place is either taken (the seat's streams, which never pass its
 * limit) or promised by another process, which has yet to send the stream.  A
 * promise is counted in the seat of who gave it, where all can add it up and
 * where it ends with that process.  Whoever takes and whoever promises writes
 * first and looks at the other's count then, so of two that meet at the last
 * place at most one gets it.  Streams that move are taken above the limit: a
 * restart drops none.
 */

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

static bool take(push_seat_t *seat)
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

static int64_t promised(const push_seats_t *seats)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < seats->count; i++) {
        count += atomic_load(&seats->seats[i].promised);
    }
    return count;
}

/* Who takes and who promises both say so before they look at the other. */
bool push_room_reserve(const push_seats_t *seats, push_seat_t *seat)
{
    if (room_of(seat) <= promised(seats) || !take(seat)) {
        return false;
    }
    if (room_of(seat) >= promised(seats)) {
        return true;
    }
    push_room_give_back(seat);
    return false;
}

void push_room_give_back(push_seat_t *seat)
{
    atomic_fetch_sub(&seat->streams, 1);
}

bool push_room_promise(const push_seats_t *seats, unsigned from, unsigned to)
{
    if (from >= seats->count) {
        return false;
    }
    atomic_fetch_add(&seats->seats[from].promised, 1);
    if (promised(seats) <= room_of(&seats->seats[to])) {
        return true;
    }
    push_room_cancel(seats, from);
    return false;
}

/* Not below 0: a process may have left its seat with promises under way. */
void push_room_cancel(const push_seats_t *seats, unsigned from)
{
    push_seat_t *seat = &seats->seats[from % seats->count];
    uint32_t count = atomic_load(&seat->promised);

    while (
        count
        && !atomic_compare_exchange_weak(&seat->promised, &count, count - 1)) {
    }
}

bool push_room_fulfil(const push_seats_t *seats, unsigned from,
                      push_seat_t *to)
{
    bool taken = take(to);

    push_room_cancel(seats, from);
    return taken;
}
