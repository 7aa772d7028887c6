#ifndef PUSH_SOURCES_WORKER_H
#define PUSH_SOURCES_WORKER_H

#include "sources/source.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The threads of a module's sources.  Every child has one for each source; one
 * of them all has the source's lock, and runs.  When it or its process ends,
 * another one has the lock within half a second, also across a graceful
 * restart.
 */

typedef struct push_worker_t push_worker_t;

struct push_worker_t {
    /* ---- set by the module, while the configuration is read ---- */
    push_source_options_t options;
    int module; /* APLOG_MODULE_INDEX: whose log lines these are */
    void *data;
    /* Reads the source until push_worker_pause() says that it ends; the pool
     * is its own. */
    void (*run)(push_worker_t *worker, apr_pool_t *pool);
    /* ---- the parent's ---- */
    server_rec *server;
    push_source_t *source;
    int lock; /* descriptor */
    /* ---- a child's ---- */
    pthread_t thread;
    bool started;
    int stop; /* descriptor: readable when it ends */
    /* ---- its thread's; see report.h ---- */
    bool away;  /* as the log was told */
    bool waits; /* likewise */
    unsigned tries;
};

/*
 * The module's hooks, each at APR_HOOK_LAST; workers: push_worker_t *.
 * check_config: NULL, or what is wrong.
 */
const char *push_workers_wrong(apr_pool_t *pool,
                               const apr_array_header_t *workers);
/* post_config: false, after a sentence in the log. */
bool push_workers_prepare(server_rec *server,
                          const apr_array_header_t *workers);
/* child_init; they stop with the child's pool. */
void push_workers_start(apr_pool_t *child, const apr_array_header_t *workers);
/* child_stopping: when this returns, another child may go on. */
void push_workers_stop(const apr_array_header_t *workers);

/* ---- the worker's thread ---- */

/* Waits so many ms; true, and at once: it ends. */
bool push_worker_pause(const push_worker_t *worker, int64_t ms);

/* ms of a clock that is never set. */
int64_t push_worker_now(void);

/* After so many times in vain, a second at most, half of it random. */
int64_t push_worker_backoff(unsigned tries);

#endif
