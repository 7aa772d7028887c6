/*
 * Suites: every test case has the same end, in which the servers it started
 * are stopped, their error logs judged, and what it was given released.
 */
#ifndef HARNESS_CASE_H
#define HARNESS_CASE_H

#include <check.h>

/* Add a case to the suite; each of its tests may take so many seconds. */
TCase *case_add(Suite *suite, const char *name, int seconds);

/* Run the suite, print Check's summary. Returns the exit status for main. */
int case_run(Suite *suite);

#endif
