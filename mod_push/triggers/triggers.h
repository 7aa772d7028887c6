#ifndef PUSH_TRIGGERS_H
#define PUSH_TRIGGERS_H

#include <httpd.h>

#include "broker/broker.h"
#include "triggers/figures.h"
#include "triggers/rule.h"

/*
 * All rules of the server, found by the type of an event, and what puts an
 * event into the queues of those that match.
 */
typedef struct push_triggers_t push_triggers_t;

/*
 * In the pool; the rules (push_rule_t *), their figures, by index, and the
 * broker are borrowed for good.  server: whose log has what goes wrong in an
 * expression.
 */
push_triggers_t *push_triggers_create(apr_pool_t *pool, server_rec *server,
                                      const apr_array_header_t *rules,
                                      push_trigger_figures_t *figures,
                                      push_broker_t *broker);

/* NULL: there is no such rule.  By index, from 0: NULL behind the last. */
const push_rule_t *push_triggers_find(const push_triggers_t *triggers,
                                      const char *name);
const push_rule_t *push_triggers_rule(const push_triggers_t *triggers,
                                      unsigned index);

/*
 * True if some rule can match an event of this type.  One of the server's own
 * (`push.…`) only a rule can match that names its type: it would be made for
 * all others in vain.
 */
bool push_triggers_want(const push_triggers_t *triggers, push_text_t type);

/* What became of one event. */
typedef struct push_taken_t {
    push_status_t status;    /* PUSH_OK, or why not all rules have it; the same
                             event may be taken again, and nothing doubles */
    unsigned matched;        /* rules */
    const push_rule_t *full; /* the first whose queue had no room; or NULL */
} push_taken_t;

/*
 * Matches count events and queues a message a rule, in the time that the
 * durability takes: PUSH_OK says that it is kept.  taken has room for count.
 * Any thread; it blocks as publish() and settle() of the broker do.  True if
 * all are PUSH_OK.
 */
bool push_triggers_take(push_triggers_t *triggers, apr_pool_t *pool,
                        const push_trigger_event_t *events, unsigned count,
                        push_taken_t *taken);

/* What makes a message for this rule of its event, whichever matches not. */
push_status_t push_triggers_queue(push_triggers_t *triggers, apr_pool_t *pool,
                                  const push_rule_t *rule,
                                  const push_trigger_event_t *event);

#endif
