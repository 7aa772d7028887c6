#include "sources/postgres/session.h"

#include <apr_lib.h>
#include <libpq-fe.h>
#include <apr_strings.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define CONNECT_MS 10000
#define ANSWER_MS  30000

/* What libpq says ends with a newline, and may have several lines. */
static const char *sentence(apr_pool_t *pool, const char *text)
{
    char *one = apr_pstrcat(pool, "PostgreSQL: ", text, NULL);
    size_t len = strlen(one);

    while (len && apr_isspace(one[len - 1])) {
        one[--len] = '\0';
    }
    for (char *at = one; *at; at++) {
        *at = apr_isspace(*at) ? ' ' : *at;
    }
    return one;
}

typedef enum {
    READY,
    LATE, /* nothing came in time */
    ENDS  /* the worker does */
} waited_t;

static waited_t wait_for(const push_pg_t *pg, short events, int64_t until)
{
    struct pollfd fds[2] = {{.fd = PQsocket(pg->conn), .events = events},
                            {.fd = pg->worker->stop, .events = POLLIN}};
    int64_t left = until - push_worker_now();
    int count;

    do {
        count = poll(fds, 2, left > 0 ? (int)left : 0);
    } while (count < 0 && errno == EINTR);
    return fds[1].revents ? ENDS : count > 0 ? READY : LATE;
}

/* False, and closed: it failed. */
static bool fail(push_pg_t *pg, apr_pool_t *pool, waited_t waited,
                 const char **why)
{
    *why = waited == ENDS   ? ""
           : waited == LATE ? "PostgreSQL does not answer"
                            : sentence(pool, PQerrorMessage(pg->conn));
    push_pg_close(pg);
    return false;
}

/* ---- opening ---- */

/* What the server says beside is not for httpd's standard error. */
static void ignore(void *data, const PGresult *notice)
{
    (void)data;
    (void)notice;
}

bool push_pg_open(push_pg_t *pg, apr_pool_t *pool, const char *conninfo,
                  const char **why)
{
    const char *const keys[] = {"dbname", "fallback_application_name",
                                "client_encoding", NULL};
    const char *const values[] = {conninfo, "mod_push", "UTF8", NULL};
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    int64_t until = push_worker_now() + CONNECT_MS;
    waited_t waited = READY;

    pg->conn = PQconnectStartParams(keys, values, 1);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        return fail(pg, pool, READY, why);
    }
    PQsetNoticeReceiver(pg->conn, ignore, NULL);
    while (waited == READY && status != PGRES_POLLING_OK
           && status != PGRES_POLLING_FAILED) {
        waited = wait_for(
            pg, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
        if (waited == READY) {
            status = PQconnectPoll(pg->conn);
        }
    }
    if (status != PGRES_POLLING_OK || PQsetnonblocking(pg->conn, 1)) {
        return fail(pg, pool, waited, why);
    }
    return true;
}

void push_pg_close(push_pg_t *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
}

/* ---- asking ---- */

static bool begin(const push_pg_t *pg, const char *sql,
                  const push_pg_params_t *params)
{
    return params ? PQsendQueryParams(pg->conn, sql, params->count, NULL,
                                      params->values, NULL, NULL, 0)
                  : PQsendQuery(pg->conn, sql);
}

/* Until a result can be taken. */
static waited_t await(const push_pg_t *pg, int64_t until, bool *broken)
{
    waited_t waited = READY;

    *broken = false;
    while (waited == READY && !*broken) {
        int unsent = PQflush(pg->conn);

        if (unsent == 0 && !PQisBusy(pg->conn)) {
            break;
        }
        waited = wait_for(pg, unsent ? POLLIN | POLLOUT : POLLIN, until);
        *broken = unsent < 0 || !PQconsumeInput(pg->conn);
    }
    return waited;
}

static bool is_good(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK
           || PQresultStatus(result) == PGRES_TUPLES_OK;
}

static apr_status_t clear(void *result)
{
    PQclear(result);
    return APR_SUCCESS;
}

PGresult *push_pg_query(push_pg_t *pg, apr_pool_t *pool, const char *sql,
                        const push_pg_params_t *params, const char **why)
{
    int64_t until = push_worker_now() + ANSWER_MS;
    PGresult *last = NULL;
    PGresult *next;
    waited_t waited = READY;
    bool broken = !begin(pg, sql, params);

    do {
        waited = broken ? READY : await(pg, until, &broken);
        next = broken || waited != READY ? NULL : PQgetResult(pg->conn);
        if (next) {
            PQclear(last);
            last = next;
            broken = !is_good(last);
        }
    } while (next && !broken);
    if (broken || waited != READY || !last) {
        fail(pg, pool, waited, why);
        PQclear(last);
        return NULL;
    }
    apr_pool_cleanup_register(pool, last, clear, apr_pool_cleanup_null);
    return last;
}

/* ---- the bell ---- */

static bool rang(const push_pg_t *pg)
{
    bool any = false;
    PGnotify *notify = PQnotifies(pg->conn);

    while (notify) {
        any = true;
        PQfreemem(notify);
        notify = PQnotifies(pg->conn);
    }
    return any;
}

/* A connection that is lost shows at the next question. */
void push_pg_wait(push_pg_t *pg, int64_t ms)
{
    int64_t until = push_worker_now() + ms;

    while (!rang(pg)) {
        if (wait_for(pg, POLLIN, until) != READY
            || !PQconsumeInput(pg->conn)) {
            return;
        }
    }
}
