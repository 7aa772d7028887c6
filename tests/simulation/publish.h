#ifndef SIM_PUBLISH_H
#define SIM_PUBLISH_H

#include "simulation/sim.h"

/* A publisher makes up its mind, and sends; nothing when there were enough. */
void sim_publish_begin(sim_t *s, dice_t *d);

/* The request comes to the server: its answer. */
push_status_t sim_publish_arrives(sim_t *s, int index);

/* The answer comes to the publisher. */
void sim_publish_answered(sim_t *s, const sim_packet_t *packet);

/* A publisher that has no answer asks again, under the same key. */
void sim_publish_again(sim_t *s, uint32_t choice);

/* A publisher takes a message back. */
void sim_publish_recall(sim_t *s, uint32_t choice);

/* Notes which messages have ended, and how. */
void sim_publish_refresh(sim_t *s);

/* It only counts as acknowledged by the client from here on. */
void sim_publish_slid(sim_t *s, int client, uint64_t mid);

/* A message is about to be written to a stream. */
void sim_publish_is_sent(sim_t *s, uint64_t mid);

/* The publish with this mid, or NULL. */
sim_publish_t *sim_publish_of(sim_t *s, const char *mid);

/* True if these bytes are the payload, as a client has to see it. */
bool sim_publish_reads(const sim_publish_t *p, const char *data, size_t len);

/* What the clients never got: how it ended for them. */
void sim_publish_tell_ends(sim_t *s);

void sim_publish_cleanup(sim_t *s);

#endif
