#ifndef SIM_MIGRANT_H
#define SIM_MIGRANT_H

#include "simulation/sim.h"

/* A process sends some of its streams to the next. */
void sim_migrants_send(sim_t *s, unsigned from, unsigned most);

/* Those on their way are lost: the server's machine went down. */
void sim_migrants_drop(sim_t *s);

#endif
