/*
 * The directories of test servers.  A test that fails ends at once: then its
 * server ends by itself, and the runner shows the logs and tidies up.
 */
#ifndef HARNESS_SERVERROOT_H
#define HARNESS_SERVERROOT_H

/* In the runner, before the tests: make the place for all of them. */
void serverroot_begin(void);

/* In a test: make a ServerRoot. It lives as a string until the test ends. */
char *serverroot_make(void);

/* Remove a ServerRoot (unless PUSH_KEEP is set). */
void serverroot_remove(const char *root);

/* In the runner, after the tests: show the logs of what failing tests left
 * behind, and remove it. */
void serverroot_end(void);

#endif
