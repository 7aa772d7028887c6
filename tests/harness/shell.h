/*
 * Scripts, for tests of programs: what a user would type.
 */
#ifndef HARNESS_SHELL_H
#define HARNESS_SHELL_H

/* Run a script by sh with -e, its errors among its output, in the directory
 * $DIR. Returns what it said; fails the test where it ends with anything but
 * 0. */
const char *shell_run(const char *script);

/* The directory of what was built, absolute. */
const char *shell_build(void);

#endif
