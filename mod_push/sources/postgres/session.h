#ifndef PUSH_SOURCES_POSTGRES_SESSION_H
#define PUSH_SOURCES_POSTGRES_SESSION_H

#include "sources/worker.h"

/*
 * A connection to PostgreSQL for the thread of a worker: what waits for an
 * answer stops when the worker ends.
 */

typedef struct push_pg_t {
    push_worker_t *worker;
    struct pg_conn *conn; /* NULL: closed */
} push_pg_t;

/* True if it is open; else *why says what is wrong, in the pool; "": the worker
 * ends. */
bool push_pg_open(push_pg_t *pg, apr_pool_t *pool, const char *conninfo,
                  const char **why);
void push_pg_close(push_pg_t *pg);

/*
 * The result of the last statement in sql, freed with the pool; params may be
 * NULL, where there are several statements.  NULL: it failed, as *why says, and
 * the connection is closed.
 */
typedef struct push_pg_params_t {
    int count;
    const char *const *values;
} push_pg_params_t;
struct pg_result *push_pg_query(push_pg_t *pg, apr_pool_t *pool,
                                const char *sql,
                                const push_pg_params_t *params,
                                const char **why);

/* Waits so long for a notification, unless one has come already. */
void push_pg_wait(push_pg_t *pg, int64_t ms);

#endif
