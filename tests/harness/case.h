/*
 * Suites: every test case has the same end, in which the servers it started
 * are stopped, their error logs judged, and what it was given released.
 */
#ifndef HARNESS_CASE_H
#define HARNESS_CASE_H

#include <check.h>

/* Add a case to the suite; each of its tests may take so many seconds. */
TCase *case_add(Suite *suite, const char *name, int seconds);

/* Add a test that runs once for each row of a table, _i its index. */
#define tcase_add_row_test(tc, test, table)                                   \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(*(table))))

/* Run the suite, print Check's summary. Returns the exit status for main. */
int case_run(Suite *suite);

#endif
