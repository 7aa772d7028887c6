#include "store/shm/lock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

int push_lock_init(push_lock_t *lock)
{
    pthread_mutexattr_t attributes;
    int status = pthread_mutexattr_init(&attributes);

    if (status) {
        return status;
    }
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    status = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return status;
}

static struct timespec deadline_in(clockid_t clock, long ms)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static int64_t now_ms(void)
{
    struct timespec at = deadline_in(CLOCK_MONOTONIC, 0);

    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

int push_lock_wait(pthread_mutex_t *mutex, long ms)
{
#ifdef __SANITIZE_THREAD__
    /* gcc's ThreadSanitizer does not know the other function: it would take
     * what is done under such a lock for unguarded. */
    struct timespec at = deadline_in(CLOCK_REALTIME, ms);

    return pthread_mutex_timedlock(mutex, &at);
#else
    struct timespec at = deadline_in(CLOCK_MONOTONIC, ms);

    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &at);
#endif
}

/* ---- locks that this process waited for in vain ---- */

#define STUCK_MAX 8u

static struct {
    _Atomic(push_lock_t *) lock;
    _Atomic int64_t until; /* mono ms */
} stuck[STUCK_MAX];

static _Atomic int64_t stuck_until; /* of all of them */
static _Atomic uint32_t stuck_next;

/* Only a full wait begins such a time: what is brief may be load. */
static void note_stuck(push_lock_t *lock, long waited)
{
    int64_t until = atomic_load(&stuck_until);
    uint32_t i = atomic_fetch_add(&stuck_next, 1) % STUCK_MAX;

    if (waited == PUSH_LOCK_WAIT_MS) {
        until = now_ms() + PUSH_LOCK_STUCK_MS;
        atomic_store(&stuck_until, until);
    }
    atomic_store(&stuck[i].lock, lock);
    atomic_store(&stuck[i].until, until);
}

static long patience(const push_lock_t *lock)
{
    int64_t now;

    if (!atomic_load_explicit(&stuck_until, memory_order_relaxed)) {
        return PUSH_LOCK_WAIT_MS;
    }
    now = now_ms();
    if (atomic_load(&stuck_until) <= now) {
        return PUSH_LOCK_WAIT_MS;
    }
    for (unsigned i = 0; i < STUCK_MAX; i++) {
        if (atomic_load(&stuck[i].lock) == lock
            && atomic_load(&stuck[i].until) > now) {
            return 0;
        }
    }
    return PUSH_LOCK_BRIEF_MS;
}

static push_lock_status_t status_of(push_lock_t *lock, int status)
{
    if (status == EOWNERDEAD) {
        pthread_mutex_consistent(lock);
        return PUSH_LOCKED_AFTER_DEATH;
    }
    return status ? PUSH_LOCK_BUSY : PUSH_LOCKED;
}

push_lock_status_t push_lock_try(push_lock_t *lock)
{
    return status_of(lock, pthread_mutex_trylock(lock));
}

push_lock_status_t push_lock_acquire(push_lock_t *lock)
{
    int status = pthread_mutex_trylock(lock);

    if (status == EBUSY) {
        long ms = patience(lock);

        status = ms ? push_lock_wait(lock, ms) : EBUSY;
        if (status == ETIMEDOUT) {
            note_stuck(lock, ms);
        }
    }
    return status_of(lock, status);
}

void push_lock_release(push_lock_t *lock)
{
    pthread_mutex_unlock(lock);
}
