/*
 * Every function of the library, on most of its ways, and whatever else a node
 * sends.
 */
#ifndef LIBRARY_SCENARIO_H
#define LIBRARY_SCENARIO_H

#include "library_kit.h"

/* The first error, or NULL where all went well; loads the library first. */
const char *library_scenario(struct library *l);

#endif
