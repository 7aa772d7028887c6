#ifndef PUSH_PROCESS_RUNNER_H
#define PUSH_PROCESS_RUNNER_H

#include "http/settings.h"

/* What triggers want done, in the life of a process; triggers/run/runner.h. */

/*
 * In the parent, once the configuration is read: the keys of webhooks, and the
 * memory of what is counted.  False, after a sentence in the log.
 */
bool push_process_runner_prepare(server_rec *s, const push_global_t *global);

/* ---- in a child ---- */

/* When it has its reactors; what fails is in the log. */
void push_process_runner_start(server_rec *s);

/*
 * It takes nothing new from now on; what runs has so many ms.  Also in a
 * signal handler.
 */
void push_process_runner_leave(int64_t ms);

/* Before the reactors stop. */
void push_process_runner_part(void);

/* When there are no reactors any more, but there is the broker still. */
void push_process_runner_stop(void);

#endif
