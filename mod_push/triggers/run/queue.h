#ifndef PUSH_QUEUE_OF_TRIGGER_H
#define PUSH_QUEUE_OF_TRIGGER_H

#include "triggers/run/state.h"

/* The queue of one trigger, as the child that has it sees it. */

void push_queue_init(push_queue_t *queue, push_runner_t *runner,
                     unsigned index);
void push_queue_cleanup(push_queue_t *queue);

/* Opens it if nobody has it; looks at most once a second. */
void push_queue_look(push_queue_t *queue, int64_t now);

/* Takes what came; another one may have it from now on. */
void push_queue_read(push_queue_t *queue);

/* Begins what waits, as far as the limits let it. */
void push_queue_start(push_queue_t *queue, const push_time_t *now);

/* A job is over, in whatever way: those that waited for it may begin. */
void push_queue_over(push_job_t *job);

/* Acknowledges what is over, up to the oldest that is not. */
void push_queue_settle(push_queue_t *queue);

/* When it has something to do by itself: mono ms. */
int64_t push_queue_until(const push_queue_t *queue, const push_time_t *now);

/* Lets go of it: what is not over is somebody else's. */
void push_queue_close(push_queue_t *queue);

#endif
