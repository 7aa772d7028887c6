#ifndef PUSH_SUBSCRIPTIONS_H
#define PUSH_SUBSCRIPTIONS_H

#include "store/shard/store.h"

/*
 * The subscriptions that a device takes at a check-in, and what channels count
 * of them.
 */

/* Prepared before the device's shard is locked. */
typedef struct push_subscription_list_t {
    push_subscription_t list[PUSH_SUBSCRIPTION_CHANNELS + PUSH_CHANNELS_MAX];
    unsigned count;
    unsigned assigned; /* the last of them; see store/ops/assign.h */
    bool room;         /* there is memory for a new channel, user or context */
    bool own; /* of a user of the server's own: no broadcast is for it */
} push_subscription_list_t;

/*
 * Finds the channels of a check-in, or brings them into being as far as there
 * is room and the limit lets it: PUSH_NO_MEMORY, PUSH_BUSY,
 * PUSH_TOO_MANY_CHANNELS; in a cluster none is made, and PUSH_NOT_FOUND says
 * that one is not LIVE here.  New subscriptions begin at the end of the channel,
 * or at what is still kept (from_oldest).  Whatever it returns,
 * push_subscriptions_arrived() follows.
 */
push_status_t push_subscriptions_take(push_store_t *store,
                                      push_subscription_list_t *wanted,
                                      const push_text_t *channels,
                                      unsigned count, bool from_oldest);

/*
 * The same in two steps: the broadcast alone, then one channel more, which may
 * be there already.
 */
void push_subscriptions_begin(push_store_t *store,
                              push_subscription_list_t *wanted);
push_status_t push_subscriptions_add(push_store_t *store,
                                     push_subscription_list_t *wanted,
                                     push_text_t channel, bool from_oldest);

/*
 * The same for what comes behind a mid, whether it is here already or is still
 * to come.  In a cluster.
 */
push_status_t push_subscriptions_join(push_store_t *store,
                                      push_subscription_list_t *wanted,
                                      push_text_t channel, uint64_t behind);

/* The check-in is over: no channel has to wait for it any more. */
void push_subscriptions_arrived(push_store_t *store,
                                const push_subscription_list_t *wanted);

/*
 * A mid below all that is published from now on to any log that the device
 * follows.  In a cluster each log has a clock of its own, so it is that of the
 * one that lags most.  With the lock of the device's shard.
 */
uint64_t push_subscriptions_now(push_store_t *store,
                                const push_device_t *device);

/* True if the channel is among them. */
bool push_subscriptions_have(const push_subscription_list_t *wanted,
                             push_ref_t log);

/*
 * Counts by how many devices channels are followed, or by how many open
 * streams.  Up before the device says so, and down after: a count that a
 * death left behind is too high, so no channel goes that somebody reads.
 */
void push_subscriptions_count(push_store_t *store,
                              const push_subscription_t *subscriptions,
                              unsigned count, int by);
void push_subscriptions_connect(push_store_t *store,
                                const push_subscription_t *subscriptions,
                                unsigned count, int by);

#endif
