#ifndef PUSH_EXPRESSION_H
#define PUSH_EXPRESSION_H

#include <ap_expr.h>

#include "triggers/event.h"

/*
 * Expressions of httpd (ap_expr) over an event: event('PATH') is the value at
 * the path, "" if there is none.  There is no request: of all else only what
 * needs none is known.
 */

/* For ap_expr_parse_cmd(): finds event() and what needs no request. */
int push_expression_lookup(ap_expr_lookup_parms *parms);

/* Where expressions are evaluated, one at a time; in the pool. */
typedef struct push_expression_stage_t push_expression_stage_t;

push_expression_stage_t *push_expression_stage(apr_pool_t *pool,
                                               server_rec *server);

/*
 * Whether the expression is true of the event.  False too if it cannot be
 * evaluated, which the log of the server has then; pool is for what it needs
 * on its way.
 */
bool push_expression_true(push_expression_stage_t *stage, apr_pool_t *pool,
                          const ap_expr_info_t *expression,
                          const push_trigger_event_t *event);

#endif
