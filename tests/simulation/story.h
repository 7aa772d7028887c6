#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "simulation/sim.h"

/* A moment later than all before, in ms. */
double sim_stamp(sim_t *s);

/* One line of the checker: the members behind t. */
void sim_tell(sim_t *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_tell_at(sim_t *s, double at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Something is wrong that is no line of the checker. */
void sim_violation(sim_t *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The device as the checker knows it; a life in it ends with its context. */
void sim_tell_device(sim_t *s, int client, bool follows);
void sim_begin_life(sim_t *s, int client);

/* Ends the story; returns how many violations there are. */
unsigned sim_judge(sim_t *s);

#endif
