/* The publisher process: all its connections, in one event loop. */
#ifndef PUSHBENCH_PUBLISHER_H
#define PUSHBENCH_PUBLISHER_H

#include "pushbench_options.h"
#include "pushbench_shared.h"

/*
 * Connect; publish while the phase is PB_PUBLISHING; after it wait for the
 * answers that are still owed. Returns the process's exit status: 2 where a
 * connection failed or the server broke off.
 *
 * With a rate, message k is due at start + k / rate and carries that time,
 * also where it leaves later: a server that stalls is charged for it. Without,
 * messages leave as fast as the connections and the allowed lead
 * (options->ahead) let them, and carry the time at which they leave.
 */
int pb_publisher_run(const struct pb_options *options,
                     struct pb_shared *shared);

#endif
