#ifndef PUSH_CONTEXTS_H
#define PUSH_CONTEXTS_H

#include <apr_pools.h>
#include <jansson.h>

#include "broker/broker.h"

/* Who is there of a target (triggers/event.h), as the broker sees it. */

/* Devices of a user that have equal labels. */
typedef struct push_context_group_t {
    push_text_t labels[PUSH_LABELS]; /* app, version, OS, its version, locale;
                                        the others are empty */
    json_t *to; /* the caller's: a target for each of the devices */
} push_context_group_t;

typedef struct push_contexts_t {
    push_context_group_t groups[PUSH_DEVICES_MAX];
    unsigned count; /* 0: it has no device */
} push_contexts_t;

/*
 * The groups of the target's user: of its device if it names one, of those
 * that are online if it says `connected`.  In the pool.  PUSH_BUSY.
 */
push_status_t push_contexts_find(push_broker_t *broker, apr_pool_t *pool,
                                 const json_t *target,
                                 push_contexts_t *contexts);

/*
 * False if the target says `connected` and no stream is open that would get a
 * message; where that is not known it may be.
 */
bool push_contexts_connected(push_broker_t *broker, const json_t *target);

#endif
