#ifndef PUSH_REDIS_DEADLINES_H
#define PUSH_REDIS_DEADLINES_H

#include "redis/request.h"

/* Requests by deadline, the earliest first: a binary heap. */
typedef struct push_deadlines_t {
    push_request_t **heap;
    unsigned count, room;
} push_deadlines_t;

/* False: no memory. */
bool push_deadlines_add(push_deadlines_t *deadlines, push_request_t *request);
void push_deadlines_remove(push_deadlines_t *deadlines,
                           const push_request_t *request);

#endif
