#ifndef PUSH_LOCK_H
#define PUSH_LOCK_H

#include <pthread.h>

/*
 * A mutex in shared memory that outlives its owner: when a process dies with
 * it, the next one to ask gets it and is told so.  APR's process mutexes do
 * not tell (docs/internals.md, "Locks").
 */

typedef pthread_mutex_t push_lock_t;

typedef enum push_lock_status_t {
    PUSH_LOCKED,
    PUSH_LOCKED_AFTER_DEATH, /* locked; what it guards may be half changed */
    PUSH_LOCK_BUSY           /* not locked: its owner did not let go */
} push_lock_status_t;

#define PUSH_LOCK_WAIT_MS 500

/*
 * An owner that was waited for in vain is most likely stopped, and may hold
 * more than this lock.  For a moment this process waits for other locks only
 * briefly, and for those that it knows to be stuck not at all.
 */
#define PUSH_LOCK_BRIEF_MS 20
#define PUSH_LOCK_STUCK_MS 1000

/* 0, or an errno. */
int push_lock_init(push_lock_t *lock);

/* Waits for at most PUSH_LOCK_WAIT_MS; less if some lock was stuck lately. */
push_lock_status_t push_lock_acquire(push_lock_t *lock);

/* The same without a wait. */
push_lock_status_t push_lock_try(push_lock_t *lock);

void push_lock_release(push_lock_t *lock);

/* Locks any mutex, waiting for at most so long by the monotonic clock.
 * 0, ETIMEDOUT or what else pthread_mutex_lock() returns. */
int push_lock_wait(pthread_mutex_t *mutex, long ms);

#endif
