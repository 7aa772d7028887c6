#ifndef PUSH_PROBLEM_H
#define PUSH_PROBLEM_H

#include <httpd.h>

#include <jansson.h>

#include "core/types.h"

/*
 * What is wrong with a request: an RFC 9457 problem.  Parsers return one, or
 * NULL if nothing is wrong, so checks are chained by GNU C's "a() ?: b()": the
 * first problem is the answer, and nothing behind it is asked.
 */
typedef struct push_problem_t {
    int status;
    const char *name;   /* urn:mod_push:problem:<name> */
    const char *detail; /* names the field and the legal range */
} push_problem_t;

/* A problem in the pool; detail as printf. */
const push_problem_t *push_problem(apr_pool_t *pool, int status,
                                   const char *name, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));

/* This child is on its way out, and its memory is not the server's any more. */
const push_problem_t *push_problem_superseded(apr_pool_t *pool);

/*
 * The problem that a status of the store means for a publisher, or NULL for
 * PUSH_OK.
 */
const push_problem_t *push_problem_of_status(apr_pool_t *pool,
                                             push_status_t status);

/* Answers with the problem; returns what the handler returns. */
int push_problem_send(request_rec *r, const push_problem_t *problem);

/* The problem as the caller's JSON object. */
json_t *push_problem_json(apr_pool_t *pool, const push_problem_t *problem);

#endif
