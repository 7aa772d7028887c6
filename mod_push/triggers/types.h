#ifndef PUSH_TYPES_OF_RULE_H
#define PUSH_TYPES_OF_RULE_H

#include <apr_tables.h>

/*
 * The only types of event for which the expression can be true, as far as its
 * text shows that: `event('type') == 'x'`, `event('type') in {'x', 'y'}`,
 * joined with anything by && and with each other by ||.  An array of
 * const char * in the pool; NULL: it does not show it, so any type is to be
 * tried.
 */
apr_array_header_t *push_rule_types(apr_pool_t *pool, const char *expression);

#endif
