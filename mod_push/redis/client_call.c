#include "redis/client_call.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "redis/client_internal.h"

static void turn(push_client_t *client)
{
    struct pollfd fds[PUSH_CLIENT_FDS];
    unsigned count = push_client_pollfds(client, fds);
    int64_t left = push_client_until(client) - push_redis_now();

    left = left < 0 ? 0 : left > PUSH_REQUEST_MS ? PUSH_REQUEST_MS : left;
    if (poll(fds, count, (int)left) < 0) {
        count = 0;
    }
    push_client_serve(client, fds, count);
}

/* OpenSSL writes without MSG_NOSIGNAL. */
void push_client_call(push_client_t *client, push_request_t *request)
{
    const struct timespec at_once = {0, 0};
    sigset_t pipe, before, pending;
    bool waits;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    push_client_resolve_itself(client);
    request->done = NULL;
    push_client_send(client, request);
    do {
        turn(client);
        waits = sem_trywait(&request->over) != 0;
    } while (waits);
    if (!sigismember(&pending, SIGPIPE)) {
        while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
