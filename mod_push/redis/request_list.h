#ifndef PUSH_REDIS_REQUEST_LIST_H
#define PUSH_REDIS_REQUEST_LIST_H

#include "redis/request.h"

/* Requests in order; each is in one list at most. */
typedef struct push_request_list_t {
    push_request_t *first, *last;
} push_request_list_t;

static inline void push_request_list_append(push_request_list_t *list,
                                            push_request_t *request)
{
    request->in = list;
    request->next = NULL;
    request->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = request;
    list->last = request;
}

static inline void push_request_list_remove(push_request_t *request)
{
    push_request_list_t *list = request->in;

    if (list) {
        *(request->prev ? &request->prev->next : &list->first) = request->next;
        *(request->next ? &request->next->prev : &list->last) = request->prev;
        request->in = NULL;
    }
}

static inline push_request_t *push_request_list_take(push_request_list_t *list)
{
    push_request_t *request = list->first;

    if (request) {
        push_request_list_remove(request);
    }
    return request;
}

#endif
