#ifndef PUSH_ENDLESS_H
#define PUSH_ENDLESS_H

#include "http/problem.h"

/*
 * A request body without an end, as httpd reads it: what would end it in good
 * time is lifted, and what ends it early is told to who sent it.
 */
typedef struct push_endless_t {
    int refused; /* the HTTP status by which httpd ended the body, or 0 */
} push_endless_t;

/* In register_hooks. */
void push_endless_register(void);

/*
 * Before the first byte of the body is read, and before the answer begins.
 * What it returns is the request's.
 */
const push_endless_t *push_endless_begin(request_rec *r);

/*
 * Why the body ended before its end, in the pool: httpd refused it, or it broke
 * off.
 */
const push_problem_t *push_endless_problem(const push_endless_t *body,
                                           apr_pool_t *pool);

#endif
