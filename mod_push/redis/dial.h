#ifndef PUSH_REDIS_DIAL_H
#define PUSH_REDIS_DIAL_H

#include <poll.h>

#include "redis/failure.h"
#include "redis/resolver.h"
#include "redis/settings.h"
#include "redis/socket.h"

/*
 * From an address to a socket that is connected and, where the URLs say so,
 * speaks TLS; driven by poll(2).  Each attempt begins with another endpoint of
 * the name.  One thread has it.
 */

typedef enum push_dial_state_t {
    PUSH_DIAL_IDLE,
    PUSH_DIAL_RESOLVING,
    PUSH_DIAL_CONNECTING,
    PUSH_DIAL_SECURING,
    PUSH_DIAL_READY, /* the socket may be used */
    PUSH_DIAL_FAILED /* for the reason in failure and why */
} push_dial_state_t;

/* Zeroed but for the first three and the socket's descriptor, -1. */
typedef struct push_dial_t {
    const push_redis_settings_t *settings; /* borrowed */
    push_address_t address;
    bool resolves_itself; /* in this thread, which blocks */
    push_socket_t socket;
    push_dial_state_t state;
    push_resolver_t *resolver; /* outlives an attempt that was too short */
    push_resolved_t resolved;
    unsigned tries; /* of endpoints, in all attempts: each begins elsewhere */
    unsigned left;  /* endpoints to try in this attempt */
    push_failure_t failure;
    char why[PUSH_REDIS_WHY];
} push_dial_t;

/* Begins an attempt; push_dial_serve() is to be called at once. */
void push_dial_begin(push_dial_t *dial);

/* Goes on as far as it can; events: what poll(2) said of the descriptor. */
push_dial_state_t push_dial_serve(push_dial_t *dial, short events);

/* For poll(2), until it is READY or FAILED; the descriptor may be -1. */
struct pollfd push_dial_pollfd(const push_dial_t *dial);

/* Nothing has to happen first. */
bool push_dial_is_due(const push_dial_t *dial);

/* What it waits for in vain, if it does so too long. */
void push_dial_late(const push_dial_t *dial, char why[PUSH_REDIS_WHY]);

/* The socket is closed, and it is IDLE. */
void push_dial_hang_up(push_dial_t *dial);

/* Likewise, for good. */
void push_dial_cleanup(push_dial_t *dial);

#endif
