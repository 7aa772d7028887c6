#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "simulation/sim.h"

/* The server comes up with an empty memory; it goes down with all it had. */
void sim_server_start(sim_t *s);
void sim_server_stop(sim_t *s);

/* One of its processes dies between two steps; another takes its place. */
void sim_server_kill(sim_t *s, unsigned child);

/* The reactor of a process looks around once, as stream/loop/reactor.c does. */
void sim_server_turn(sim_t *s, unsigned child);

/* A GET <base>/receive, and a POST <base>/ack. */
void sim_server_connect(sim_t *s, const sim_packet_t *packet);
push_status_t sim_server_ack(sim_t *s, const sim_packet_t *packet);

/*
 * An acknowledgement that no client ever sent: of another session, beyond the
 * end, of nothing.  It must be refused, and change nothing.
 */
void sim_server_nonsense(sim_t *s, int client, uint32_t choice);

/* Notes which devices are known no more, and which messages have ended. */
void sim_server_look(sim_t *s);

/* ---- what it knows ---- */

push_text_t sim_user_name(int user);
push_text_t sim_channel_name(int channel);
push_text_t sim_device_name(int device); /* of its user */

/* The context of a client's device, or NULL. */
push_device_t *sim_device(const sim_t *s, int client);

#endif
