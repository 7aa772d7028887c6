#include "redis/deadlines.h"

#include <stdlib.h>

static void put(push_deadlines_t *deadlines, unsigned at,
                push_request_t *request)
{
    deadlines->heap[at] = request;
    request->heap_at = at;
}

static void rise(push_deadlines_t *deadlines, unsigned at,
                 push_request_t *request)
{
    while (at) {
        push_request_t *parent = deadlines->heap[(at - 1) / 2];

        if (parent->deadline <= request->deadline) {
            break;
        }
        put(deadlines, at, parent);
        at = (at - 1) / 2;
    }
    put(deadlines, at, request);
}

static void sink(push_deadlines_t *deadlines, unsigned at,
                 push_request_t *request)
{
    for (;;) {
        unsigned child = at * 2 + 1;

        if (child + 1 < deadlines->count
            && deadlines->heap[child + 1]->deadline
                   < deadlines->heap[child]->deadline) {
            child++;
        }
        if (child >= deadlines->count
            || deadlines->heap[child]->deadline >= request->deadline) {
            break;
        }
        put(deadlines, at, deadlines->heap[child]);
        at = child;
    }
    put(deadlines, at, request);
}

bool push_deadlines_add(push_deadlines_t *deadlines, push_request_t *request)
{
    unsigned room = deadlines->room ? deadlines->room * 2 : 64;
    push_request_t **heap;

    if (deadlines->count == deadlines->room) {
        heap = realloc(deadlines->heap, room * sizeof(*heap));
        if (!heap) {
            return false;
        }
        deadlines->heap = heap;
        deadlines->room = room;
    }
    rise(deadlines, deadlines->count++, request);
    return true;
}

void push_deadlines_remove(push_deadlines_t *deadlines,
                           const push_request_t *request)
{
    unsigned at = request->heap_at;
    push_request_t *last = deadlines->heap[--deadlines->count];

    if (last == request) {
        return;
    }
    if (last->deadline < request->deadline) {
        rise(deadlines, at, last);
    }
    else {
        sink(deadlines, at, last);
    }
}
