#ifndef PUSH_DEAD_H
#define PUSH_DEAD_H

#include <apr_tables.h>

#include "broker/broker.h"
#include "triggers/rule.h"

/*
 * Dead letters of a trigger: messages of the user `$dead/NAME`, each the event
 * as it was queued, with the reason in `pusherror`.
 */

#define PUSH_DEAD_PREFIX "$dead/"
#define PUSH_DEAD_TTL    (INT64_C(7) * 24 * 3600 * 1000) /* ms */
#define PUSH_DEAD_MAX    1000u /* that are read at once */

typedef struct push_dead_t {
    uint64_t mid;
    push_text_t data;
} push_dead_t;

/* The user of the rule's dead letters, in the pool. */
const char *push_dead_user(apr_pool_t *pool, const push_rule_t *rule);

/*
 * Reads them, the oldest of an urgency first, into the pool: push_dead_t.  In a
 * process that has reactors; blocks, two seconds at most.  PUSH_BUSY: somebody
 * else reads them; others as the broker's claim().
 */
push_status_t push_dead_read(apr_pool_t *pool, push_broker_t *broker,
                             const push_rule_t *rule,
                             apr_array_header_t **letters, bool *more);

/* Takes one back.  Statuses: the broker's recall(). */
push_status_t push_dead_forget(apr_pool_t *pool, push_broker_t *broker,
                               const push_rule_t *rule, uint64_t mid);

/*
 * What the queue is to get in its place, as if the event were new; in the pool.
 * NULL: it is no event.
 */
const char *push_dead_revive(apr_pool_t *pool, const push_rule_t *rule,
                             push_text_t data);

#endif
