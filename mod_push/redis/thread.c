#include "redis/thread.h"

#include <errno.h>
#include <signal.h>

bool push_redis_thread(pthread_t *thread, void *(*run)(void *), void *data)
{
    sigset_t all, before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(thread, NULL, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = status;
    return !status;
}
