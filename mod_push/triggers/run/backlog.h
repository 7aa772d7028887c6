#ifndef PUSH_BACKLOG_H
#define PUSH_BACKLOG_H

#include "triggers/run/state.h"

/* The queue of one trigger, as the child that has it sees it. */

void push_backlog_init(push_backlog_t *queue, push_runner_t *runner,
                       unsigned index);
void push_backlog_cleanup(push_backlog_t *queue);

/* Opens it if nobody has it; looks at most once a second. */
void push_backlog_poll(push_backlog_t *queue, int64_t now);

/* Takes what came; another one may have it from now on. */
void push_backlog_read(push_backlog_t *queue);

/* Begins what waits, as far as the limits let it. */
void push_backlog_start(push_backlog_t *queue, const push_time_t *now);

/* A job is over, in whatever way: those that waited for it may begin. */
void push_backlog_over(push_job_t *job);

/* Acknowledges what is over, up to the oldest that is not. */
void push_backlog_settle(push_backlog_t *queue);

/* When it has something to do by itself: mono ms. */
int64_t push_backlog_until(const push_backlog_t *queue,
                           const push_time_t *now);

/* Lets go of it: what is not over is somebody else's. */
void push_backlog_close(push_backlog_t *queue);

#endif
