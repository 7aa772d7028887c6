#ifndef PUSH_FOLLOW_INTERNAL_H
#define PUSH_FOLLOW_INTERNAL_H

#include "store/ops/follow.h"

/* What follow.c, unfollow.c and follow_walk.c share; nobody else includes it. */

/* A log that is followed, with its shard locked. */
typedef struct push_follow_found_t {
    push_store_t *store;
    push_name_t name;
    push_log_t *log;
    push_log_copy_t *copy;
} push_follow_found_t;

/*
 * PUSH_OK: the lock is held, and push_shard_leave() follows.  PUSH_NOT_FOUND:
 * it is not followed; PUSH_BUSY.
 */
push_status_t push_follow_enter(push_store_t *store, push_text_t log,
                                push_follow_found_t *found);

/* ---- with the lock of the shard ---- */

/* This process is at it from now on. */
void push_follow_attend(push_store_t *store, push_log_copy_t *copy,
                        push_follow_t *follow);

/* Nobody is. */
void push_follow_leave_alone(push_log_copy_t *copy);

/* Something is to be done about it, and nobody is at it. */
bool push_follow_wants_errand(const push_store_t *store,
                              const push_log_copy_t *copy);

/* Nobody here needs it. */
bool push_follow_is_idle(const push_log_t *log);

#endif
