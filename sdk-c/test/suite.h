/* suite.h - the main of a test: one suite with one case. */
#ifndef PUSHC_TEST_SUITE_H
#define PUSHC_TEST_SUITE_H

#include <check.h>

/* Begin the suite "sdk-c NAME"; each of its tests may take so many seconds. */
TCase *suite_begin(const char *name, int seconds);

/* Run the suite, which began. The exit status of main. */
int suite_run(void);

#endif
