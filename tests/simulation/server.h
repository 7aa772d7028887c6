#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "simulation/sim.h"

/* The server comes up with an empty memory; it goes down with all it had. */
void sim_server_start(sim_t *s);
void sim_server_stop(sim_t *s);

/* A GET <base>/receive, and a POST <base>/ack. */
void sim_server_connect(sim_t *s, const sim_packet_t *packet);
push_status_t sim_server_ack(sim_t *s, const sim_packet_t *packet);

/*
 * An acknowledgement that no client ever sent: of another session, beyond the
 * end, of nothing.  It must be refused, and change nothing.
 */
void sim_server_nonsense(sim_t *s, int client, uint32_t choice);

void sim_server_sweep(sim_t *s);

/* The context of a device that is away is forgotten. */
void sim_server_retire(sim_t *s, int client);

/* Memory is short: what is settled goes, and the oldest of a low urgency. */
void sim_server_pressure(sim_t *s, int user, uint32_t choice);

/* ---- streams (flush.c) ---- */

/* The link of a client's current attempt, or NULL. */
sim_link_t *sim_link_of(sim_t *s, int client, uint32_t conn);

/* Sends what there is, but at most so many bytes. */
void sim_link_flush(sim_t *s, sim_link_t *link, size_t room);

void sim_link_beat(sim_t *s, sim_link_t *link);

/* The server learns that the client has left. */
void sim_link_notice(sim_t *s, sim_link_t *link);

void sim_link_free(sim_t *s, sim_link_t *link);

#endif
