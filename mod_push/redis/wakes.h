#ifndef PUSH_REDIS_WAKES_H
#define PUSH_REDIS_WAKES_H

#include <poll.h>

#include "redis/settings.h"
#include "redis/slots.h"

/*
 * The subscriptions of one owner: at each master, the channel
 * PREFIX{tag}>OWNER of every partition that the master has.  Driven by poll(2)
 * as the client is, by one thread.
 */

typedef struct push_wakes_t push_wakes_t;

/* Called within push_wakes_serve().  master: its index in the slot map. */
typedef struct push_wakes_hooks_t {
    void *data;
    /* Something lies in the inbox there. */
    void (*woken)(void *data, unsigned master);
    /* All its channels are subscribed: a drain from now on misses no wake. */
    void (*subscribed)(void *data, unsigned master);
    /* The connection is gone; it is made again by itself. */
    void (*lost)(void *data, unsigned master, const char *why);
    /* The master has the partition no longer (sunsubscribe, MOVED): the slot
     * map must be renewed. */
    void (*moved)(void *data, unsigned master, unsigned partition);
} push_wakes_hooks_t;

typedef struct push_wakes_options_t {
    const push_redis_settings_t *settings; /* borrowed */
    const char *prefix;                    /* copied */
    unsigned owner;
    push_wakes_hooks_t hooks;
} push_wakes_options_t;

push_wakes_t *push_wakes_create(const push_wakes_options_t *options);
void push_wakes_destroy(push_wakes_t *wakes);

/* Makes subscriptions agree with the map: whenever its version is another one. */
void push_wakes_follow(push_wakes_t *wakes, const push_slots_t *slots);

#define PUSH_WAKES_FDS PUSH_MASTERS
unsigned push_wakes_pollfds(push_wakes_t *wakes, struct pollfd *fds);
int64_t push_wakes_until(const push_wakes_t *wakes);
void push_wakes_serve(push_wakes_t *wakes, const struct pollfd *fds,
                      unsigned count);

#endif
