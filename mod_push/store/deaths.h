#ifndef PUSH_DEATHS_H
#define PUSH_DEATHS_H

#include <stdatomic.h>
#include <stdint.h>

struct push_segment_t;

/*
 * Which children died: those that still held a seat when they were gone.  One
 * that ends in order leaves its seats first, whatever ends it.
 */

#define PUSH_DEATHS 64u

/* When children died; written by the parent. */
typedef struct push_deaths_t {
    _Atomic uint32_t count;          /* ever */
    _Atomic int64_t at[PUSH_DEATHS]; /* mono ms; the last ones, in a ring */
} push_deaths_t;

/* In the parent, at the end of a child; now: mono ms. */
void push_deaths_note(struct push_segment_t *segment, uint32_t pid,
                      int64_t now);

/* How many died since then, PUSH_DEATHS at most. */
unsigned push_deaths_since(const struct push_segment_t *segment,
                           int64_t since);

#endif
