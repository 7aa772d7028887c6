#ifndef PUSH_REDIS_THREAD_H
#define PUSH_REDIS_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that no signal reaches.  False, with errno. */
bool push_redis_thread(pthread_t *thread, void *(*run)(void *), void *data);

#endif
