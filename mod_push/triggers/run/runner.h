#ifndef PUSH_RUNNER_H
#define PUSH_RUNNER_H

#include "triggers/run/options.h"

/*
 * Does what triggers want: a thread a child, which has some of the queues and
 * looks now and then whether one is without anybody.  It reads a queue as a
 * device reads its mailbox, makes requests by libcurl, publishes what comes,
 * and acknowledges.
 */
typedef struct push_runner_t push_runner_t;

/*
 * Once this process has its reactors.  NULL: there is no memory, descriptor or
 * thread (errno).
 */
push_runner_t *push_runner_start(const push_runner_options_t *options);

/*
 * Takes nothing new, and ends when all that runs is over, at the latest then
 * (mono ms).  Any thread, and a handler of signals.
 */
void push_runner_leave(push_runner_t *runner, int64_t by);

/*
 * Waits for the end, leaving at once if nobody said when.  What is not over is
 * not acknowledged: another child does it.
 */
void push_runner_stop(push_runner_t *runner);

/* Gives all back, once it has stopped and nobody has it leave any more. */
void push_runner_destroy(push_runner_t *runner);

#endif
