#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include "simulation/steps.h"

#define SIM_STEPS 260

typedef struct sim_schedule_t {
    uint64_t seed;
    sim_fault_t fault;
    bool shown; /* the whole story, not only what is wrong with it */
    int count;
    sim_step_t steps[SIM_STEPS];
} sim_schedule_t;

void sim_schedule_draw(sim_schedule_t *schedule, uint64_t seed,
                       sim_fault_t fault);

/* Runs it and judges: how many violations there are; what they are on out. */
unsigned sim_schedule_run(const sim_schedule_t *schedule, FILE *out);

/*
 * True if it fails, or crashes.  In a process of its own, so that whatever
 * happens there ends there.
 */
bool sim_schedule_fails(const sim_schedule_t *schedule);

/* Leaves out all steps without which it still fails. */
void sim_schedule_shorten(sim_schedule_t *schedule);

void sim_schedule_print(const sim_schedule_t *schedule, FILE *out);

#endif
