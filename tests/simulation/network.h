#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "simulation/sim.h"

/* Puts a packet on its way; the oldest is lost where there is no room. */
void sim_send(sim_t *s, const sim_packet_t *packet);

typedef enum sim_fortune_t {
    SIM_ARRIVES,
    SIM_ARRIVES_AND_STAYS, /* it will come again */
    SIM_IS_LOST
} sim_fortune_t;

/* What happens to the index-th packet. */
void sim_carry(sim_t *s, unsigned index, sim_fortune_t fortune);

/*
 * A process ends, and its connections with it: an attempt that the server did
 * not read yet is lost.  A proxy may still have its acknowledgements.
 */
void sim_forget_process(sim_t *s, int client);

/* All that is on its way is lost: the server's machine went down. */
void sim_forget_all(sim_t *s);

#endif
