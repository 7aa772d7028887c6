#include "stream/loop/migrants.h"

#include <stdatomic.h>

#include "store/ops/move.h"
#include "store/shard/hold.h"
#include "store/shm/reserve.h"

/* A stream that moves is never dropped, whatever the limit. */
static bool count_in(const push_stream_set_t *set,
                     const push_migrant_t *migrant)
{
    if (!migrant->opened) {
        return push_reserve_fulfil(&set->store->seats, migrant->reserved,
                                   set->seat);
    }
    atomic_fetch_add(&set->seat->streams, 1);
    return true;
}

/* False if what it writes from is gone: its client has to come again. */
static bool settle_migrant(const push_stream_set_t *set,
                           const push_migrant_t *migrant)
{
    const push_stream_ref_t *stream_ref = &migrant->adoption.stream_ref;

    /* The seat may have changed hands meanwhile. */
    push_store_move(set->store, stream_ref, set->seat_index);
    if (!migrant->part
        || push_hold_adopt(set->store, migrant->part, stream_ref->gen,
                           set->store->tag)) {
        return true;
    }
    push_store_checkout(set->store, stream_ref, &set->now);
    push_stream_drop_link(&(push_link_t){.fd = migrant->adoption.fd});
    return false;
}

void push_migrants_adopt(push_stream_set_t *set, unsigned seat)
{
    push_migrant_t migrant;

    while (push_migration_receive(set->store->seats.receive[seat], &migrant)) {
        if (!count_in(set, &migrant)) {
            push_stream_set_turn_away(set, &migrant);
        }
        else if (settle_migrant(set, &migrant)) {
            push_stream_set_adopt(set, &migrant);
        }
        else {
            push_reserve_give_back(set->seat);
        }
    }
}

void push_migrants_adopt_lost(push_stream_set_t *set)
{
    const push_seats_t *seats = &set->store->seats;

    for (unsigned i = 0; i < seats->count; i++) {
        uint32_t holder = atomic_load(&seats->seats[i].pid);

        if (!holder || holder == PUSH_SEAT_LEFT) {
            push_migrants_adopt(set, i);
        }
    }
}
