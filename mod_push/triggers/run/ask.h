#ifndef PUSH_ASK_H
#define PUSH_ASK_H

#include "triggers/run/state.h"

/* The request of a job, and what its end means for it. */

/*
 * Begins it: PUSH_OK, it runs.  PUSH_OVER: there is nothing to run, its verdict
 * is set.  PUSH_NO_MEMORY: later.
 */
push_status_t push_ask_begin(push_job_t *job);

/* It has ended with libcurl's result: sets its verdict, and counts it. */
void push_ask_end(push_job_t *job, CURLcode result);

/* Gives its fetch back; how it ended does not matter any more. */
void push_ask_release(push_job_t *job);

/* Ends it now, as if it had never begun. */
void push_ask_abort(push_job_t *job);

#endif
