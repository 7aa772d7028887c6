#ifndef PUSH_WORK_H
#define PUSH_WORK_H

#include "triggers/run/state.h"

/* From a message of a queue to the requests that it asks for. */

/* Events that timers make (timers.h). */
#define PUSH_TIMER_TYPE "push.timer"

/* When its first attempt was, and when a retry is due: wall ms. */
#define PUSH_WORK_SINCE "pushsince"
#define PUSH_WORK_AFTER "pushafter"
#define PUSH_WORK_ERROR "pusherror" /* of a dead letter */

/*
 * Takes a message: its jobs wait in the queue, or are done where nothing is to
 * be asked.  False: there is no memory, and nothing was taken.
 */
bool push_work_begin(push_backlog_t *queue, const push_sse_block_t *block);

/* Gives it back; its jobs must be in no list any more. */
void push_work_destroy(push_work_t *work);

#endif
