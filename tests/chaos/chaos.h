/*
 * What every chaos test has in common: how long it goes on, the seed that
 * repeats it, and dice that depend on the seed alone.
 *
 * CHAOS_SECONDS is the length of the long version (make check-chaos); without
 * it tests are brief. CHAOS_SEED repeats a run; the brief version has a seed
 * of its own, so that it is the same every time.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether this is the long version. */
bool chaos_is_long(void);

/* A number that is larger in the long version. */
int chaos_pick(int brief, int extended);

/* Whether CHAOS_FAULTS, if it is given, has the name of this fault in it. */
bool chaos_wants(const char *fault);

/* How long a fault goes on (ms): CHAOS_SECONDS in the long version. */
int64_t chaos_duration(int64_t brief);

/* How long one test may take (s), for case_add(). */
int chaos_limit(void);

struct dice {
    uint64_t state;
};

/* Dice for one purpose, named, of this run's seed. */
struct dice dice_make(const char *purpose);

/* A number from 0 to below - 1. */
uint64_t dice_roll(struct dice *d, uint64_t below);

/* A number 0 <= u < 1. */
double dice_part(struct dice *d);

/* Run the suite; says first which seed repeats it. For main. */
int chaos_run(Suite *suite);

#endif
