#ifndef PUSH_PROCESS_H
#define PUSH_PROCESS_H

#include "http/settings.h"

/*
 * Start and stop: the segment, made by the parent and kept over graceful
 * restarts, and the threads of a child.
 */

/*
 * check_config, where the configuration is only tested: whether a start could
 * do what push_process_prepare() does.  False, after the same sentence in the
 * log.  Nothing of what it tries stays.
 */
bool push_process_check(server_rec *s, const push_global_t *global);

/* post_config: makes the segment, or finds the one that is in use. */
int push_process_prepare(server_rec *s, const push_global_t *global);

/*
 * child_status, in the parent: what a child left behind is seen to at once,
 * and if it died, that is counted.
 */
void push_process_child_ended(pid_t pid);

/* child_init: starts the reactors; the pool's end stops them. */
void push_process_start(apr_pool_t *child, server_rec *s);

/* child_stopping: why the streams of this child are going to end. */
void push_process_stopping(int graceful);

#endif
