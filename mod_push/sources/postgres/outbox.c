#include "sources/postgres/outbox.h"

#include <apr_lib.h>
#include <libpq-fe.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#include "sources/postgres/session.h"
#include "sources/report.h"

/*
 * A batch is one transaction in two round trips: rows are locked and read,
 * what they say is published, and what is over is deleted with the COMMIT.
 * Another machine passes by what is locked.
 */

#define NAME_MAX_PG 63   /* bytes of an identifier */
#define REFRESH_MS  2000 /* between two looks at how much waits */
#define COUNT_MOST  "100000"

typedef struct {
    push_pg_t pg;
    push_worker_t *worker;
    const push_postgres_source_t *source;
    apr_pool_t *pool; /* of one turn */
    int64_t look_at;  /* ms, by push_worker_now() */
} outbox_t;

/* ---- names and statements ---- */

static bool is_identifier(const char *name, size_t len)
{
    return len && len <= NAME_MAX_PG
           && strspn(name, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789_")
                  >= len
           && !apr_isdigit(*name);
}

static const char *quote(apr_pool_t *pool, const char *schema,
                         const char *table, const char *suffix)
{
    return apr_psprintf(pool, "%s%s%s\"%s%s\"", *schema ? "\"" : "", schema,
                        *schema ? "\"." : "", table, suffix);
}

const char *push_outbox_prepare(apr_pool_t *pool,
                                push_postgres_source_t *source)
{
    const char *dot = source->table ? strchr(source->table, '.') : NULL;
    const char *schema = dot ? apr_pstrmemdup(
                             pool, source->table,
                             (apr_size_t)(dot - source->table))
                             : "";
    const char *table = dot ? dot + 1 : source->table;

    if (!table || (dot && !is_identifier(schema, strlen(schema)))
        || !is_identifier(table, strlen(table))
        || strlen(table) > NAME_MAX_PG - 5) {
        return "table= must be TABLE or SCHEMA.TABLE, each of letters, digits "
               "and '_', not a digit first, at most 58 bytes";
    }
    source->channel = source->channel ? source->channel : table;
    if (!is_identifier(source->channel, strlen(source->channel))) {
        return "channel= must be of letters, digits and '_', not a digit "
               "first, at most 63 bytes";
    }
    source->quoted = quote(pool, schema, table, "");
    source->dead_table = quote(pool, schema, table, "_dead");
    source->listen = apr_psprintf(pool, "LISTEN \"%s\"", source->channel);
    source->count = apr_pstrcat(pool, "SELECT count(*) FROM (SELECT 1 FROM ",
                                source->quoted, " LIMIT " COUNT_MOST ") AS n",
                                NULL);
    source->select = apr_psprintf(
        pool,
        "BEGIN; SELECT id::bigint, line::text FROM %s ORDER BY id "
        "LIMIT %" APR_INT64_T_FMT " FOR UPDATE SKIP LOCKED",
        source->quoted, source->batch);
    source->dead = apr_pstrcat(pool, "INSERT INTO ", source->dead_table,
                               " (id, line, why) VALUES ($1, $2, $3)", NULL);
    return NULL;
}

/* ---- questions ---- */

/* Whether the turn goes on. */
static bool trouble(outbox_t *o, const char *why)
{
    if (why && *why) {
        push_report_away(o->worker, why);
        push_report_pause(o->worker);
    }
    return !why;
}

static PGresult *ask(outbox_t *o, const char *sql)
{
    const char *why = NULL;
    PGresult *result = push_pg_query(&o->pg, o->pool, sql, NULL, &why);

    trouble(o, why);
    return result;
}

/* The table of the dead is looked at first: when it is needed is too late. */
static bool open_session(outbox_t *o)
{
    const char *why = NULL;

    if (o->pg.conn) {
        return true;
    }
    o->look_at = 0;
    return (push_pg_open(&o->pg, o->pool, o->source->conninfo, &why)
            || trouble(o, why))
           && ask(o, o->source->listen)
           && ask(o, apr_pstrcat(o->pool, "SELECT id, line, why FROM ",
                                 o->source->dead_table, " LIMIT 0", NULL));
}

static bool look(outbox_t *o)
{
    PGresult *result;

    if (push_worker_now() < o->look_at) {
        return true;
    }
    result = ask(o, o->source->count);
    if (!result) {
        return false;
    }
    o->look_at = push_worker_now() + REFRESH_MS;
    push_report_well(o->worker, apr_atoi64(PQgetvalue(result, 0, 0)));
    return true;
}

/* ---- a batch ---- */

/* Rows by their numbers in the result are items. */
static push_source_item_t *items_of(const outbox_t *o, const PGresult *rows)
{
    int count = PQntuples(rows);
    push_source_item_t *items = apr_pcalloc(o->pool, (apr_size_t)count
                                                         * sizeof(*items));

    for (int i = 0; i < count; i++) {
        items[i].text = PQgetvalue(rows, i, 1);
        items[i].len = (apr_size_t)PQgetlength(rows, i, 1);
        items[i].key = apr_psprintf(o->pool, "outbox:%s:%s", o->source->table,
                                    PQgetvalue(rows, i, 0));
    }
    return items;
}

static bool bury(outbox_t *o, const PGresult *rows,
                 const push_source_item_t *items)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *const values[] = {PQgetvalue(rows, i, 0),
                                      PQgetvalue(rows, i, 1), items[i].why};
        const push_pg_params_t params = {.count = 3, .values = values};
        const char *why = NULL;

        if (items[i].outcome == PUSH_SOURCE_REFUSED
            && !push_pg_query(&o->pg, o->pool, o->source->dead, &params,
                              &why)) {
            return trouble(o, why);
        }
    }
    return true;
}

/* The ids are PostgreSQL's own integers. */
static const char *forget(const outbox_t *o, const PGresult *rows,
                          const push_source_item_t *items)
{
    int count = PQntuples(rows);
    apr_array_header_t *ids = apr_array_make(o->pool, count + 1,
                                             sizeof(char *));

    for (int i = 0; i < count; i++) {
        if (items[i].outcome != PUSH_SOURCE_LATER) {
            APR_ARRAY_PUSH(ids, const char *) = PQgetvalue(rows, i, 0);
        }
    }
    return ids->nelts ? apr_pstrcat(o->pool, "DELETE FROM ", o->source->quoted,
                                    " WHERE id IN (",
                                    apr_array_pstrcat(o->pool, ids, ','),
                                    "); COMMIT", NULL)
                      : "COMMIT";
}

static void turn(outbox_t *o)
{
    PGresult *rows = ask(o, o->source->select);
    push_source_item_t *items;
    size_t count;
    bool all;

    if (!rows) {
        return;
    }
    count = (size_t)PQntuples(rows);
    items = items_of(o, rows);
    all = push_report_take(o->worker, o->pool, items, count);
    if (!bury(o, rows, items) || !ask(o, forget(o, rows, items))) {
        return;
    }
    push_report_refused(o->worker, items, count, o->source->dead_table);
    if (!all) {
        push_report_pause(o->worker);
    }
    else if (count < (size_t)o->source->batch) {
        push_pg_wait(&o->pg, o->source->every);
    }
}

void push_outbox_run(push_worker_t *worker, apr_pool_t *pool)
{
    outbox_t o = {
        .worker = worker, .source = worker->data, .pg = {.worker = worker}};

    apr_pool_create(&o.pool, pool);
    while (!push_worker_pause(worker, 0)) {
        if (open_session(&o) && look(&o)) {
            turn(&o);
        }
        apr_pool_clear(o.pool);
    }
    push_pg_close(&o.pg);
    apr_pool_destroy(o.pool);
}
