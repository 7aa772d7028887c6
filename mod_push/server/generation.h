#ifndef PUSH_GENERATION_H
#define PUSH_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

/* Generations of children: a restart of httpd begins another one. */

/* That of this child. */
uint32_t push_generation_own(void);

/* Whether another one began: a restart does that, a stop does not. */
bool push_generation_newer(void);

#endif
