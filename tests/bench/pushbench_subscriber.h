/* A subscriber process: its share of the streams, in one event loop. */
#ifndef PUSHBENCH_SUBSCRIBER_H
#define PUSHBENCH_SUBSCRIBER_H

#include "pushbench_options.h"
#include "pushbench_shared.h"

/*
 * Open and read the streams whose index modulo the number of workers is
 * `worker`, until the phase is PB_ENDING. Returns the process's exit status.
 * Messages are parsed where the run measures latencies, else only counted.
 */
int pb_subscriber_run(const struct pb_options *options,
                      struct pb_shared *shared, unsigned worker);

#endif
