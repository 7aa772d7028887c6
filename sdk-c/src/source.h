/*
 * source.h - what drives a handle: descriptors, one timer, wake-ups.
 *
 *   loop or thread -> pushc_source_ready/_timeout -> transport -> turn()
 *
 * After anything happened the owner's turn() is called, on the driving
 * thread and outside of libcurl; there the owner looks at its state, and
 * acts. Other threads leave word under the lock and call pushc_source_wake().
 */
#ifndef PUSHC_SOURCE_H
#define PUSHC_SOURCE_H

#include <pthread.h>

#include "runner.h"
#include "settings.h"
#include "transport.h"

#define PUSHC_NEVER UINT64_MAX /* a time, ms, that does not come */

struct pushc_source {
    const struct pushc_settings *set;
    pushc_loop loop; /* the application's, or a runner's */
    void *owner;
    uint64_t (*turn)(void *owner); /* when the next one is wanted, ms */

    /* ---- the driving thread only ---- */
    struct pushc_transport *transport;
    uint64_t armed; /* what the loop's timer was set to */
    int started;
    int broken; /* the loop refused */

    /* ---- any thread, under the lock ---- */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* broadcast by the owner */
    int awake;              /* a wake-up is on its way */
    int over;               /* the owner has ended */

    int wake_fd;                 /* an eventfd */
    struct pushc_runner *runner; /* NULL: the application's loop */
};

/* PUSHC_OK, PUSHC_ERR_MEMORY, PUSHC_ERR_SYSTEM; then nothing is left. */
int pushc_source_init(pushc_source *s, const struct pushc_settings *set,
                      uint64_t (*turn)(void *), void *owner);

/* Start to be driven. PUSHC_OK, PUSHC_ERR_MEMORY, PUSHC_ERR_SYSTEM. */
int pushc_source_start(pushc_source *s);

/* Wait until a thread of the source's own has ended. */
void pushc_source_join(pushc_source *s);

/* Free all; the driving thread, after pushc_source_join(). */
void pushc_source_cleanup(pushc_source *s);

/* Free all but the application's loop, which stays the application's where
 * making a handle fails. */
void pushc_source_abandon(pushc_source *s);

/* ---- any thread ---- */

/* Have a turn soon. With the lock held. */
void pushc_source_wake(pushc_source *s);

/* Set a flag that the owner reads under the lock, and have a turn soon. Takes
 * the lock. */
void pushc_source_raise(pushc_source *s, int *flag);

/* Wait for changed until the time of pushc_source_deadline(), with the lock
 * held; 0, or PUSHC_AGAIN when it is over. */
int pushc_source_wait(pushc_source *s, const struct timespec *until);

/* A moment of the real clock, timeout_ms from now; NULL for -1 (ever). */
const struct timespec *pushc_source_deadline(int timeout_ms,
                                             struct timespec *until);

/* ---- the driving thread only ---- */

/* The owner has ended: set over, have no more turns, and end the thread of
 * the source's own. */
void pushc_source_end(pushc_source *s);

/* Whether the loop refused something, so that nothing works any more. */
int pushc_source_broken(const pushc_source *s);

/* The earlier of two times. */
static inline uint64_t pushc_soonest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
