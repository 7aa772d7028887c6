#ifndef PUSH_CLOCK_H
#define PUSH_CLOCK_H

#include "core/types.h"

/* The moment, on the clocks that all times of the store are of. */
push_time_t push_clock_now(void);

#endif
