#ifndef SIM_STEPS_H
#define SIM_STEPS_H

#include "simulation/sim.h"

/*
 * One step of a schedule.  Whatever its numbers choose is taken modulo what
 * there is, so that any part of a schedule is a schedule too.
 */
typedef struct sim_step_t {
    uint8_t kind; /* index in the table of steps.c */
    uint8_t client;
    uint32_t choice;
} sim_step_t;

sim_step_t sim_step_draw(dice_t *d);
void sim_step_do(sim_t *s, const sim_step_t *step);
void sim_step_print(FILE *out, const sim_step_t *step);

/*
 * All faults are over: everything on its way arrives, all clients connect,
 * and whatever waits is delivered and acknowledged.
 */
void sim_settle(sim_t *s);

#endif
