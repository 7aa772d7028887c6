#ifndef PUSH_ADMIN_QUERY_H
#define PUSH_ADMIN_QUERY_H

#include "core/view.h"
#include "http/params.h"

/* What an administrator's query asks for. */

/* The user of the path, or else of the query: a name may hold a slash. */
const push_problem_t *push_query_user(request_rec *r, const char *part,
                                      push_text_t *user);

/* Of a device: its user and its node, if the query names them. */
const push_problem_t *push_query_device(request_rec *r, push_view_t *what);

/*
 * The message whose id is the part of the path; whom it was for, if the query
 * says so by `user`, perhaps with `device`, by `channel` or `broadcast`.  404
 * if that is no id of a message.
 */
const push_problem_t *push_query_message(request_rec *r, const char *part,
                                         push_sought_t *sought);

/* The same of `channel` and `broadcast` alone. */
const push_problem_t *push_query_channel(const push_params_t *params,
                                         push_sought_t *sought);

/* The log that the query names by `user`, `channel` or `broadcast`, if any. */
const push_problem_t *push_query_log(request_rec *r, push_sought_t *sought);

/* An order, by its word in `sort`. */
typedef struct push_order_word_t {
    const char *word;
    push_order_t order;
} push_order_word_t;

/* What a list may be asked for; the first order is the default. */
typedef struct push_list_rules_t {
    const push_order_word_t *orders;
    unsigned orders_count;
    uint32_t limit; /* by default */
    uint32_t most;
    bool has_prefix;
} push_list_rules_t;

/* `limit`, `sort`, `prefix` and `node`; all of the list but its more. */
const push_problem_t *push_query_list(request_rec *r,
                                      const push_list_rules_t *rules,
                                      push_view_t *what);

/* Of which nodes, by `node`: PUSH_OF_*; all if it is not there. */
const push_problem_t *push_query_nodes(const push_params_t *params,
                                       unsigned *of);

/* What a view of these nodes gave, as a problem; NULL: PUSH_OK. */
const push_problem_t *push_query_nodes_found(apr_pool_t *pool, unsigned of,
                                             push_status_t status);

#endif
