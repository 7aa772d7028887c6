#ifndef CS_WORLD_H
#define CS_WORLD_H

#include <stdio.h>

#include "simulation/cluster/faults.h"
#include "simulation/cluster/threads.h"
#include "unit/core_suite.h"

/*
 * A cluster of three nodes on two masters, a few clients and publishers, and
 * what befalls them.  The nodes run the module's own store, broker/node and
 * broker/cluster, threads and all; Redis is the model of the library that
 * tests/unit compares with the real one.  Nothing is random but the schedule,
 * and that follows from its seed:
 *
 *   world.c    the schedule of a seed, and its end, when all faults are over
 *   steps.c    what each step does
 *   threads.c  the threads of nodes, and their clocks
 *   wire.c     commands on their way, in the place of mod_push/redis;
 *              wire_client.c is the link's end of it
 *   engine.c   Redis: the model behind the commands; engine_devices.c those
 *              about devices, engine_words.c their words and answers
 *   nodes.c    nodes that start and die
 *   people.c   clients and publishers
 *   judge.c    what was promised, and whether it held
 *   probe.c    rules of the module that are broken on purpose, see faults.h
 */

#define CS_STEPS 160

typedef struct cs_step_t {
    uint8_t kind;
    uint32_t choice;
} cs_step_t;

typedef struct cs_schedule_t {
    uint64_t seed;
    cs_fault_t fault;
    bool shown;
    int count;
    cs_step_t steps[CS_STEPS];
} cs_schedule_t;

void cs_schedule_draw(cs_schedule_t *schedule, uint64_t seed,
                      cs_fault_t fault);

/* How many violations there are; what they are on out. */
unsigned cs_schedule_run(const cs_schedule_t *schedule, FILE *out);

/* ---- for its parts ---- */

/* Lets it run for so long. */
void cs_world_run(int64_t ms);

/* Of this schedule: publishes wait for the replica. */
bool cs_world_commits(void);
cs_fault_t cs_world_fault(void);

/* A fault begins that lasts until then; how long there has been one. */
void cs_trouble_until(int64_t until);
int64_t cs_trouble_for(void);

#endif
