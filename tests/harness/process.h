/*
 * Programs that a test runs beside httpd: each in a group of its own, ended
 * with the test at the latest, even by a test that fails.
 */
#ifndef HARNESS_PROCESS_H
#define HARNESS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Run a program, found in PATH or by its path, its output appended to the file
 * said. argv ends with NULL. */
pid_t process_start(const char *const *argv, const char *said);

/* True if it ended by itself; then its pid is void. */
bool process_has_ended(pid_t pid);

/* End it by this signal, at last by SIGKILL, and wait for that. 0 is nobody.
 */
void process_end(pid_t pid, int signal_number);

#endif
