#ifndef PUSH_TRIGGER_SOCKETS_H
#define PUSH_TRIGGER_SOCKETS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What the thread of a runner waits for: the sockets of its requests and the
 * moments at which libcurl wants to be called, its inlets, and a bell.  So a
 * turn looks at those requests alone to which something has happened.
 */
typedef struct push_sockets_t {
    CURLM *multi; /* borrowed */
    int epoll;    /* of all; -1: there is none */
    int bell;     /* eventfd; -1 likewise */
    int inlets;   /* another epoll, which is borrowed */
    int64_t due;  /* mono ms; libcurl wants to be called; INT64_MAX: never */
} push_sockets_t;

/* False: there is no descriptor.  It is cleaned up in any case. */
bool push_sockets_init(push_sockets_t *sockets, CURLM *multi, int inlets);

/* Once the multi is gone. */
void push_sockets_cleanup(push_sockets_t *sockets);

/* Ends the wait, or the next one.  Any thread, and a handler of signals. */
void push_sockets_ring(const push_sockets_t *sockets);

/* Nothing of the inlets ends a wait any more. */
void push_sockets_forget_inlets(push_sockets_t *sockets);

/*
 * Has libcurl begin what was added, waits for something until then (mono ms),
 * and has libcurl do what can be done.
 */
void push_sockets_turn(push_sockets_t *sockets, int64_t until);

#endif
