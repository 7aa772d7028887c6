#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "simulation/sim.h"

/*
 * Streams on their way: a transport over memory.  A link is free again when
 * both ends have let go of it.
 */

/* A free one for this attempt, or NULL. */
sim_link_t *sim_link_open(sim_t *s, const sim_packet_t *packet);

/* The link of a client's current attempt, or NULL. */
sim_link_t *sim_link_of(sim_t *s, int client, uint32_t conn);

/* The link of the stream with this number, or NULL. */
sim_link_t *sim_link_of_stream(sim_t *s, uint32_t gen);

/* The number that stands for its descriptor. */
int sim_link_number(const sim_t *s, const sim_link_t *link);

/* The socket takes so many bytes from here on, and the server hears of it. */
void sim_link_make_room(sim_t *s, sim_link_t *link, size_t bytes);

/* The client lets go of it. */
void sim_link_leave(sim_link_t *link);

/* The server learns that the client has left. */
void sim_link_notice(sim_t *s, sim_link_t *link, bool broken);

/* All that was written has left the server. */
bool sim_link_done(const sim_t *s, const sim_link_t *link);

void sim_link_free(sim_link_t *link);

#endif
