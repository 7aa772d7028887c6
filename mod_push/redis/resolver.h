#ifndef PUSH_REDIS_RESOLVER_H
#define PUSH_REDIS_RESOLVER_H

#include <sys/socket.h>

#include "redis/address.h"

/*
 * The addresses of a host's name, found by a thread of its own, since the
 * system's resolver may block for half a minute.
 */

#define PUSH_RESOLVED_MAX 8u

typedef struct push_endpoint_t {
    struct sockaddr_storage address;
    socklen_t len;
} push_endpoint_t;

typedef struct push_resolved_t {
    push_endpoint_t endpoints[PUSH_RESOLVED_MAX];
    unsigned count;
    char why[128]; /* if there are none */
} push_resolved_t;

/* What needs no resolver: a number, or the path of a Unix socket. */
bool push_resolve_literal(const push_address_t *address,
                          push_resolved_t *resolved);

/* In this thread. */
void push_resolve(const push_address_t *address, push_resolved_t *resolved);

typedef struct push_resolver_t push_resolver_t;

/* NULL, with errno. */
push_resolver_t *push_resolver_start(const push_address_t *address);

/* Readable when the answer is there. */
int push_resolver_fd(const push_resolver_t *resolver);

/* False: not yet. */
bool push_resolver_done(push_resolver_t *resolver, push_resolved_t *resolved);

/* The thread goes on alone, if it has not ended. */
void push_resolver_release(push_resolver_t *resolver);

#endif
