#ifndef PUSH_REDIS_TOPOLOGY_H
#define PUSH_REDIS_TOPOLOGY_H

#include <poll.h>

#include "redis/settings.h"
#include "redis/slots.h"
#include "redis/failure.h"

/*
 * Who keeps the slot map right: it asks one known node after the other, over a
 * connection of its own, for CLUSTER SLOTS; where that is no cluster, for its
 * ROLE; and sentinels for the master's address first.  Every 30 s, and when
 * something points to a change.  Driven by poll(2), by one thread.
 */

typedef struct push_topology_t push_topology_t;

#define PUSH_TOPOLOGY_MS 30000

/* NULL: no memory. */
push_topology_t *push_topology_create(const push_redis_settings_t *settings);
void push_topology_destroy(push_topology_t *topology);

/* Names are resolved in this thread from now on. */
void push_topology_resolve_itself(push_topology_t *topology);

/* The caller may move slots in it. */
push_slots_t *push_topology_slots(push_topology_t *topology);

/* Asks soon: at once, unless it has just asked. */
void push_topology_renew(push_topology_t *topology);

/* What the last node said, if none of all that are known could be asked; or
 * PUSH_FAILURE_NONE. */
push_failure_t push_topology_failure(const push_topology_t *topology,
                                     const char **why);

struct pollfd push_topology_pollfd(const push_topology_t *topology);
int64_t push_topology_until(const push_topology_t *topology);
void push_topology_serve(push_topology_t *topology, short events);

#endif
