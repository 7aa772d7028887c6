#ifndef PUSH_ERRAND_H
#define PUSH_ERRAND_H

#include "triggers/event.h"

/*
 * A message of a trigger's queue: an event, and in a member `push` beside its
 * own what it is queued for:
 *   {"rule":"NAME","to":[…],"attempt":0,"depth":0}
 */

#define PUSH_ERRAND_TYPE "application/cloudevents+json"

typedef struct push_errand_t {
    const char *rule; /* name */
    json_t *to;       /* an array of {"user"[,"device"][,"connected"]},
                         {"channel"[,"connected"]}, {"broadcast":true} */
    unsigned attempt; /* 0: the first */
} push_errand_t;

/* The payload of such a message: JSON, in the pool; NULL: no memory. */
const char *push_errand_write(apr_pool_t *pool,
                              const push_trigger_event_t *event,
                              const push_errand_t *errand);

/*
 * Reads such a payload; the event owns all of it, also what the errand has.
 * False: it is none, and nothing is owned.
 */
bool push_errand_read(apr_pool_t *pool, push_text_t payload,
                      push_trigger_event_t *event, push_errand_t *errand);

#endif
