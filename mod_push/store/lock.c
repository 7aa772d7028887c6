#include "store/lock.h"

#include <errno.h>
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

static struct timespec deadline_in(long ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

push_lock_status_t push_lock_acquire(push_lock_t *lock)
{
    int status = pthread_mutex_trylock(lock);

    if (status == EBUSY) {
        struct timespec at = deadline_in(PUSH_LOCK_WAIT_MS);

        status = pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &at);
    }
    if (status == EOWNERDEAD) {
        pthread_mutex_consistent(lock);
        return PUSH_LOCKED_AFTER_DEATH;
    }
    return status ? PUSH_LOCK_BUSY : PUSH_LOCKED;
}

void push_lock_release(push_lock_t *lock)
{
    pthread_mutex_unlock(lock);
}
