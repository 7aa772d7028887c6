#ifndef PUSH_SOURCES_POSTGRES_OUTBOX_H
#define PUSH_SOURCES_POSTGRES_OUTBOX_H

#include "sources/worker.h"

/* What a PushSourcePostgres says, beside the worker's options. */
typedef struct push_postgres_source_t {
    const char *conninfo; /* it may have a password: it is never told */
    const char *table;    /* as it was said; part of keys */
    const char *channel;  /* of LISTEN; NULL: the table's own name */
    apr_array_header_t *allow;
    int64_t batch; /* rows of a transaction */
    int64_t every; /* ms; the longest without a look, should no bell ring */
    /* ---- made of these ---- */
    const char *listen, *count, *select, *dead; /* SQL */
    const char *quoted, *dead_table;
} push_postgres_source_t;

/* Fills in what is made of the rest; the name of a table: what is wrong. */
const char *push_outbox_prepare(apr_pool_t *pool,
                                push_postgres_source_t *source);

/* A worker's run(); its data is the push_postgres_source_t. */
void push_outbox_run(push_worker_t *worker, apr_pool_t *pool);

#endif
