#ifndef PUSH_CLOCK_H
#define PUSH_CLOCK_H

#include "core/types.h"

/* The moment, on the clocks that all times of the store are of. */
push_time_t push_clock_now(void);

/* The same by a single reading, not long after an earlier moment. */
push_time_t push_clock_later(const push_time_t *earlier);

/* The one that is never set back, in µs. */
int64_t push_clock_us(void);

#endif
