#ifndef SIM_PROBE_H
#define SIM_PROBE_H

#include "simulation/sim.h"

/*
 * Between the parts of the module that call each other the linker puts
 * functions of probe.c (build.mk, --wrap).  They give the module the time of
 * the simulation, watch what is sent, and break the rules of faults.h that are
 * the server's: so no line of the module knows of any of this.
 */

/* From here on they are of this simulation. */
void sim_probe_begin(sim_t *s);

sim_t *sim_current(void);

#endif
