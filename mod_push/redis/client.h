#ifndef PUSH_REDIS_CLIENT_H
#define PUSH_REDIS_CLIENT_H

#include <poll.h>

#include "redis/request.h"
#include "redis/settings.h"
#include "redis/slots.h"

/*
 * Redis for one thread, which calls all of this: the slot map, a connection to
 * each master (two more where replicas are asked for), and requests that are
 * sent again where they did not run.  Nothing blocks: the thread polls what
 * push_client_pollfds() gives until push_client_until(), and then serves.
 */

typedef struct push_client_t push_client_t;

/* Reported once when it begins, and once when it is over. */
typedef struct push_redis_trouble_t {
    push_failure_t failure;        /* NONE: it is well again */
    const push_address_t *address; /* NULL: no known node answers */
    const char *text;              /* what Redis or the system said */
} push_redis_trouble_t;

/* Called by the client's thread, within push_client_serve(); each may be NULL. */
typedef struct push_client_hooks_t {
    void *data;
    /* Fills in the command that loads the library (FUNCTION LOAD, without
     * REPLACE: that it exists already counts as loaded). */
    void (*library)(void *data, push_command_t *command);
    void (*trouble)(void *data, const push_redis_trouble_t *trouble);
    /* The map is another one now. */
    void (*moved)(void *data, const push_slots_t *slots);
} push_client_hooks_t;

/* What has been counted since the start; and how things stand. */
typedef struct push_client_figures_t {
    uint64_t commands; /* that are over */
    uint64_t failures[PUSH_FAILURES];
    uint64_t again; /* sent once more, as they had not run */
    uint64_t replies;
    uint64_t round_trip_us; /* of all replies together */
    unsigned masters, away;
    unsigned under_way; /* commands */
} push_client_figures_t;

/* Copies hooks, borrows settings until destroy; NULL: no memory. */
push_client_t *push_client_create(const push_redis_settings_t *settings,
                                  const push_client_hooks_t *hooks);

/*
 * From now on names are resolved in the caller's thread, which blocks for that:
 * no other thread is left when it is destroyed.
 */
void push_client_resolve_itself(push_client_t *client);

/* What is under way is over with STOPPED or UNKNOWN. */
void push_client_destroy(push_client_t *client);

/*
 * Takes the request until its done() is called, which happens in
 * push_client_serve() or destroy, never here; it must not be NULL.
 */
void push_client_send(push_client_t *client, push_request_t *request);

/* Fills in at most PUSH_CLIENT_FDS of them; returns how many. */
#define PUSH_CLIENT_FDS (PUSH_MASTERS * 3 + 1)
unsigned push_client_pollfds(push_client_t *client, struct pollfd *fds);

/* When push_client_serve() has something to do at the latest. */
int64_t push_client_until(const push_client_t *client);

/* After a poll, with the same descriptors in the same order. */
void push_client_serve(push_client_t *client, const struct pollfd *fds,
                       unsigned count);

const push_slots_t *push_client_slots(const push_client_t *client);

/* Whether its last attempt to connect failed. */
bool push_client_away(const push_client_t *client, unsigned master);

/* The map is asked for at once. */
void push_client_renew(push_client_t *client);

void push_client_figures(const push_client_t *client,
                         push_client_figures_t *figures);

#endif
