#include "http/runtime.h"

#include "stream/loop/reactor.h"

static push_runtime_t runtime;

push_runtime_t *push_runtime(void)
{
    return runtime.reactors_count ? &runtime : NULL;
}

push_runtime_t *push_runtime_own(void)
{
    return &runtime;
}

bool push_runtime_superseded(void)
{
    return runtime.superseded(runtime.store);
}

/* The reactor with the most room, or NULL: this child is full. */
static push_reactor_t *roomiest(void)
{
    push_reactor_t *found = NULL;
    uint32_t most = 0;

    for (unsigned i = 0; i < runtime.reactors_count; i++) {
        uint32_t room = push_reactor_room(runtime.reactors[i]);

        if (room > most) {
            most = room;
            found = runtime.reactors[i];
        }
    }
    return found;
}

/*
 * A request that was not the first to reserve tries again: one more is taken
 * then.
 */
bool push_runtime_reserve(bool can_move, push_reservation_t *reservation)
{
    push_reactor_t *reactor = roomiest();

    while (reactor) {
        if (push_reservation_make(reservation, runtime.store, reactor)) {
            return true;
        }
        reactor = roomiest();
    }
    return can_move
           && push_reservation_make_elsewhere(reservation, runtime.store);
}
