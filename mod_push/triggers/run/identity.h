#ifndef PUSH_ERRAND_IDENTITY_H
#define PUSH_ERRAND_IDENTITY_H

#include "triggers/rule.h"

/*
 * What makes two attempts the same: the event (its source and id), the rule,
 * and for whom it is.  It is the same in all processes, and at all attempts.
 */

#define PUSH_IDENTITY_CHARS 32u

/*
 * In hexadecimal, in the pool; to: a target, an array of them, or NULL.
 * Whether a target is connected makes no difference.
 */
const char *push_identity_of(apr_pool_t *pool, const push_rule_t *rule,
                             const push_trigger_event_t *event,
                             const json_t *to);

#endif
