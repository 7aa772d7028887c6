#include "stream/loop/migrants.h"

#include <stdatomic.h>

#include "store/shard/hold.h"
#include "store/shm/room.h"

/* A stream that moves is never dropped, whatever the limit. */
static bool count_in(const push_keeper_t *keeper,
                     const push_migrant_t *migrant)
{
    if (!migrant->opened) {
        return push_room_fulfil(&keeper->store->seats, migrant->promised,
                                keeper->seat);
    }
    atomic_fetch_add(&keeper->seat->streams, 1);
    return true;
}

/* False if what it writes from is gone: its client has to come again. */
static bool settle_migrant(const push_keeper_t *keeper,
                           const push_migrant_t *migrant)
{
    const push_ticket_t *ticket = &migrant->adoption.ticket;

    /* The seat may have changed hands meanwhile. */
    push_store_move(keeper->store, ticket, keeper->seat_index);
    if (!migrant->part
        || push_hold_adopt(keeper->store, migrant->part, ticket->gen,
                           keeper->store->tag)) {
        return true;
    }
    push_store_checkout(keeper->store, ticket, &keeper->now);
    push_stream_drop_link(&(push_link_t){.fd = migrant->adoption.fd});
    return false;
}

void push_migrants_adopt(push_keeper_t *keeper, unsigned seat)
{
    push_migrant_t migrant;

    while (
        push_migration_receive(keeper->store->seats.receive[seat], &migrant)) {
        if (!count_in(keeper, &migrant)) {
            push_keeper_turn_away(keeper, &migrant);
        }
        else if (settle_migrant(keeper, &migrant)) {
            push_keeper_adopt(keeper, &migrant);
        }
        else {
            push_room_give_back(keeper->seat);
        }
    }
}

void push_migrants_adopt_lost(push_keeper_t *keeper)
{
    const push_seats_t *seats = &keeper->store->seats;

    for (unsigned i = 0; i < seats->count; i++) {
        uint32_t holder = atomic_load(&seats->seats[i].pid);

        if (!holder || holder == PUSH_SEAT_LEFT) {
            push_migrants_adopt(keeper, i);
        }
    }
}
