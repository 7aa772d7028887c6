#ifndef PUSH_OUTCOME_H
#define PUSH_OUTCOME_H

#include "triggers/run/state.h"

/*
 * What is published of a job that is done: its answer, its next attempt, or a
 * dead letter; nothing if there was nothing to push.
 */

/* Decides, and returns how many messages it will be. */
unsigned push_outcome_count(push_job_t *job);

/* Makes them; false: one of the answer's fields is bad, and it is dead. */
bool push_outcome_make(push_job_t *job, apr_pool_t *pool,
                       push_injected_t *messages);

typedef enum push_settled_t {
    PUSH_SETTLED,       /* all of it is kept */
    PUSH_SETTLED_LATER, /* the same is to be tried again */
    PUSH_SETTLED_DEAD   /* it will never be: a dead letter is to be made */
} push_settled_t;

/* What came of them. */
push_settled_t push_outcome_settle(push_job_t *job,
                                   const push_injected_t *messages);

#endif
