#ifndef PUSH_THREAD_H
#define PUSH_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Starts a thread that no signal reaches: those of the process are for
 * httpd's own threads.  False, with errno.
 */
bool push_thread_start(pthread_t *thread, void *(*run)(void *), void *data);

#endif
