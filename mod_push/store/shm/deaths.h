#ifndef PUSH_DEATHS_H
#define PUSH_DEATHS_H

#include "store/shm/segment.h"

/*
 * Which children died: those that still held a seat when they were gone.  One
 * that ends in order leaves its seats first, whatever ends it.
 */

/* In the parent, at the end of a child; now: mono ms. */
void push_deaths_note(push_segment_t *segment, uint32_t pid, int64_t now);

/* How many died since then, PUSH_DEATHS at most. */
unsigned push_deaths_since(const push_segment_t *segment, int64_t since);

#endif
