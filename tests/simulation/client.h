#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "simulation/sim.h"

/*
 * A client: the parser and the session of the C SDK, and around them what its
 * client does, without curl and without a clock.
 */

sim_client_t *sim_client_create(const sim_t *s);
void sim_client_destroy(sim_client_t *c);

/* It sends an attempt, unless it has one or is stopped. */
void sim_client_connect(sim_t *s, int client, push_urgency_t lowest);

/* It gives up its attempt or its stream, at whatever byte that is. */
void sim_client_cut(sim_t *s, int client);

/* Up to so many bytes come off its stream. */
void sim_client_read(sim_t *s, int client, size_t bytes);

/* The application takes a message, or finishes or returns one that it has. */
void sim_client_handle(sim_t *s, int client, uint32_t choice);

/* All that was received is taken and finished. */
void sim_client_handle_all(sim_t *s, int client);

/* It acknowledges, unless one is on its way. */
void sim_client_acknowledge(sim_t *s, int client);
void sim_client_acked(sim_t *s, const sim_packet_t *packet);

/* No answer came in time. */
void sim_client_ack_timeout(sim_t *s, int client);

/* The application stores the cursor. */
void sim_client_store(sim_t *s, int client);

/* The process ends; another begins with what was stored, or without. */
void sim_client_restart(sim_t *s, int client, bool stored);

/* A superseded client was told to stop: the application begins a new one. */
void sim_client_revive(sim_t *s, int client);

/* True if this is its attempt, and nothing came of it yet. */
bool sim_client_awaits(const sim_t *s, int client, uint32_t conn);

/* The number of its attempt or stream; 0: it has none. */
uint32_t sim_client_conn(const sim_t *s, int client);

#endif
