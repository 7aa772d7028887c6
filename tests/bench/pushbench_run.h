/* One run: starts the processes, leads them through its phases, measures. */
#ifndef PUSHBENCH_RUN_H
#define PUSHBENCH_RUN_H

#include "pushbench_options.h"

/*
 * Do what the options say and print one line of `name=value` pairs on stdout.
 * Returns the exit status: 0; 2 where the run could not be made, with the
 * reason on stderr.
 */
int pb_run(const struct pb_options *options);

#endif
