#ifndef CS_STEPS_H
#define CS_STEPS_H

#include "simulation/cluster/world.h"

cs_step_t cs_step_draw(dice_t *d);
void cs_step_do(const cs_step_t *step);
const char *cs_step_name(const cs_step_t *step);

#endif
