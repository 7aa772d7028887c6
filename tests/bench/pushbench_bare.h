/*
 * The limit: what the kernel of this machine allows to any server. It answers
 * a stream with a head that stands ready and a POST with 204, and in fan-out
 * writes the same bytes as mod_push to the same sockets, with no publisher,
 * no store and no HTTP: accept, recv, send.
 */
#ifndef PUSHBENCH_BARE_H
#define PUSHBENCH_BARE_H

#include "pushbench_options.h"
#include "pushbench_shared.h"

/*
 * Serve on options->server until the run ends, in options->servers processes:
 * the caller's is the parent of the others. Each adds one to
 * shared->listening once it listens. Returns the process's exit status.
 */
int pb_bare_run(const struct pb_options *options, struct pb_shared *shared);

/*
 * Write `count` messages as they come on a stream, with ids of usual length,
 * to `out`, which has PB_EVENT_ROOM and the payload's size for each. Returns
 * the length.
 */
size_t pb_bare_batch(const struct pb_options *options, unsigned count,
                     char *out);

/* Room that an event needs beside its payload. */
#define PB_EVENT_ROOM 64

#endif
