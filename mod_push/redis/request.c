#include "redis/request.h"

#include <time.h>

#include "redis/slots.h"

int64_t push_redis_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void push_request_init(push_request_t *request, unsigned partition)
{
    *request = (push_request_t){.master = -1, .asking = PUSH_NO_MASTER};
    push_command_begin(&request->command, partition);
    request->deadline = push_redis_now() + PUSH_REQUEST_MS;
    sem_init(&request->over, 0, 0);
}

void push_request_cleanup(push_request_t *request)
{
    push_command_cleanup(&request->command);
    push_reply_free(push_request_take(request));
    sem_destroy(&request->over);
}

push_reply_t *push_request_take(push_request_t *request)
{
    push_reply_t *reply = request->reply;

    request->reply = NULL;
    return reply;
}
