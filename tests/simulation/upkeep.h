#ifndef SIM_UPKEEP_H
#define SIM_UPKEEP_H

#include "simulation/sim.h"

/* What a server does by itself, and what its administrator does. */

void sim_server_sweep(sim_t *s);

/* The contexts of a user's devices that are away are forgotten. */
void sim_server_retire(sim_t *s, int user);

/* Memory is short: something goes for what is published. */
void sim_server_pressure(sim_t *s, uint32_t choice);

/* An administrator ends the streams of a user. */
void sim_server_dismiss(sim_t *s, int user);

/* What the store derives agrees with its objects. */
void sim_server_validate(sim_t *s);

#endif
