#include "store/shm/reserve.h"

#include <stdatomic.h>

/*
 * The idea: a stream is counted at its seat before it arrives (the seat's
 * streams, which never pass its limit), or reserved by another process, which
 * has yet to send it.  Such a reservation is counted in the seat of the
 * process that made it, where all can add it up and where it ends with that
 * process.  Both kinds are written first and compared with the other's count
 * then, so of two processes that meet at the limit at most one gets through.
 * Streams that move are taken above the limit: a restart drops none.
 */

static int64_t room_of(const push_seat_t *seat)
{
    return (int64_t)atomic_load(&seat->limit) - atomic_load(&seat->streams);
}

int push_reserve_find(const push_seats_t *seats)
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

static int64_t reserved(const push_seats_t *seats)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < seats->count; i++) {
        count += atomic_load(&seats->seats[i].reserved);
    }
    return count;
}

/* Reservations of both kinds are written before the other's count is read. */
bool push_reserve_here(const push_seats_t *seats, push_seat_t *seat)
{
    if (room_of(seat) <= reserved(seats) || !take(seat)) {
        return false;
    }
    if (room_of(seat) >= reserved(seats)) {
        return true;
    }
    push_reserve_give_back(seat);
    return false;
}

void push_reserve_give_back(push_seat_t *seat)
{
    atomic_fetch_sub(&seat->streams, 1);
}

bool push_reserve_elsewhere(const push_seats_t *seats, unsigned from,
                            unsigned to)
{
    if (from >= seats->count) {
        return false;
    }
    atomic_fetch_add(&seats->seats[from].reserved, 1);
    if (reserved(seats) <= room_of(&seats->seats[to])) {
        return true;
    }
    push_reserve_cancel(seats, from);
    return false;
}

/*
 * Not below 0: a process may have left its seat with reservations under way.
 */
void push_reserve_cancel(const push_seats_t *seats, unsigned from)
{
    push_seat_t *seat = &seats->seats[from % seats->count];
    uint32_t count = atomic_load(&seat->reserved);

    while (
        count
        && !atomic_compare_exchange_weak(&seat->reserved, &count, count - 1)) {
    }
}

bool push_reserve_fulfil(const push_seats_t *seats, unsigned from,
                         push_seat_t *to)
{
    bool taken = take(to);

    push_reserve_cancel(seats, from);
    return taken;
}
