#ifndef CORE_SUITE_H
#define CORE_SUITE_H

#include <check.h>

#include "harness/needs.h"
#include <stdint.h>

/* What every unit test program does the same way. */

/* Adds a case to the suite; each of its tests may take so many seconds. */
TCase *unit_case(Suite *suite, const char *name, int seconds);

/* Adds a test that runs once for each row of a table, _i its index. */
#define tcase_add_row_test(tc, test, table)                                   \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

/* Runs the suite and prints Check's summary; the exit status for main. */
int unit_run(Suite *suite);

/*
 * A seeded generator (xorshift64*): the same numbers for the same seed on
 * every machine.
 */
typedef struct dice_t {
    uint64_t state;
} dice_t;

dice_t dice(uint64_t seed);
uint64_t dice_next(dice_t *d);

/* 0 … below - 1; below is at least 1. */
uint32_t dice_below(dice_t *d, uint32_t below);

/* True once in so many times. */
int dice_one_in(dice_t *d, uint32_t times);

#endif
