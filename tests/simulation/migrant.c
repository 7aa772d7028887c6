#include "simulation/migrant.h"

#include <string.h>

#include "simulation/probe.h"
#include "stream/loop/migrants.h"
#include "stream/transport/tcp.h"

/* A socket is the number of the seat that it leads to. */

bool push_migration_send(int socket, const push_migrant_t *migrant)
{
    sim_t *s = sim_current();
    sim_link_t *link = &s->links[migrant->adoption.fd];

    if (s->migrants_count == SIM_LINKS) {
        return false;
    }
    link->moving = true;
    link->ends++;
    s->migrants[s->migrants_count] = *migrant;
    s->migrants_to[s->migrants_count++] = socket;
    return true;
}

static void take(sim_t *s, int index, push_migrant_t *migrant)
{
    int behind = --s->migrants_count - index;

    *migrant = s->migrants[index];
    memmove(&s->migrants[index], &s->migrants[index + 1],
            (size_t)behind * sizeof(s->migrants[0]));
    memmove(&s->migrants_to[index], &s->migrants_to[index + 1],
            (size_t)behind * sizeof(s->migrants_to[0]));
}

bool push_migration_receive(int socket, push_migrant_t *migrant)
{
    sim_t *s = sim_current();

    for (int i = 0; i < s->migrants_count; i++) {
        if (s->migrants_to[i] == socket) {
            take(s, i, migrant);
            return true;
        }
    }
    return false;
}

void sim_migrants_send(sim_t *s, unsigned from, unsigned most)
{
    unsigned to = (from + 1) % SIM_CHILDREN;
    unsigned seat = s->children[to].set.seat_index;

    s->at_work = from;
    push_stream_set_send_away(&s->children[from].set, seat, (int)seat, most);
}

void sim_migrants_drop(sim_t *s)
{
    push_migrant_t migrant;

    while (s->migrants_count) {
        take(s, 0, &migrant);
        push_transport_tcp.close(&(push_link_t){.fd = migrant.adoption.fd});
    }
}
