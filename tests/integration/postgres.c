#include "postgres.h"

#include <check.h>
#include <glob.h>
#include <postgresql/libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keep.h"
#include "process.h"
#include "server.h"
#include "serverroot.h"
#include "shell.h"
#include "wait.h"

/* The tables that docs/sources.md has its readers make. */
static const char *schema(void)
{
    const char *text = keep_file("docs/sources.md", NULL);
    const char *begin = strstr(text, "```sql\n");
    const char *end = begin != NULL ? strstr(begin, "\n```\n") : NULL;

    ck_assert_msg(end != NULL, "docs/sources.md has no SQL");
    begin += strlen("```sql\n");
    return keep_copy(begin, (size_t)(end - begin));
}

/* Debian has them beside each other, one directory a version. */
static const char *program(const char *name)
{
    glob_t found;
    const char *path;

    ck_assert_int_eq(glob(keep_printf("/usr/lib/postgresql/*/bin/%s", name), 0,
                          NULL, &found),
                     0);
    path = keep_printf("%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return path;
}

/* It refuses to be root. */
static const char *dropped(void)
{
    return geteuid() == 0
               ? "setpriv --reuid=postgres --regid=postgres --clear-groups"
               : "";
}

static void end(struct postgres *p, int signal_number)
{
    PQfinish(p->conn);
    p->conn = NULL;
    process_end(p->pid, signal_number);
    p->pid = 0;
}

void postgres_stop(struct postgres *p)
{
    end(p, SIGINT);
}

static void release(void *object)
{
    struct postgres *p = object;

    end(p, SIGINT);
    serverroot_remove(p->root);
    free(p);
}

static bool answers(struct postgres *p)
{
    PQfinish(p->conn);
    p->conn = PQconnectdb(keep_printf("host=127.0.0.1 port=%d user=postgres "
                                      "dbname=postgres",
                                      p->port));
    return PQstatus(p->conn) == CONNECTION_OK;
}

void postgres_again(struct postgres *p)
{
    const char *const argv[] = {
        "sh", "-c",
        keep_printf("exec %s %s -D %s/data -p %d -k %s/data "
                    "-c listen_addresses=127.0.0.1 -c fsync=off "
                    "-c shared_buffers=8MB -c max_connections=20",
                    dropped(), program("postgres"), p->root, p->port, p->root),
        NULL};
    int64_t deadline = wait_now() + 3 * WAIT_MS;

    p->pid = process_start(argv, keep_printf("%s/logs/stderr", p->root));
    while (!answers(p)) {
        if (process_has_ended(p->pid) || wait_now() > deadline) {
            ck_abort_msg("postgres does not start: %s",
                         keep_file(keep_printf("%s/logs/stderr", p->root),
                                   NULL));
        }
        wait_a_little();
    }
}

static void make_data(const struct postgres *p)
{
    const char *data = keep_printf("%s/data", p->root);

    ck_assert_int_eq(mkdir(keep_printf("%s/logs", p->root), 0755), 0);
    ck_assert_int_eq(mkdir(data, 0700), 0);
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");

        ck_assert_msg(user != NULL, "there is no user postgres");
        ck_assert_int_eq(chown(data, user->pw_uid, user->pw_gid), 0);
    }
    shell_run(keep_printf("cd / && %s %s -D %s -U postgres -A trust -E UTF8 "
                          "--no-locale --no-sync --no-instructions",
                          dropped(), program("initdb"), data));
}

struct postgres *postgres_start(void)
{
    struct postgres *p = calloc(1, sizeof(*p));

    ck_assert_ptr_nonnull(p);
    p->root = serverroot_make();
    p->port = server_free_port();
    keep(p, release);
    make_data(p);
    postgres_again(p);
    postgres_do(p, schema());
    return p;
}

static void clear(void *result)
{
    PQclear(result);
}

PGresult *postgres_do(struct postgres *p, const char *sql)
{
    PGresult *result = keep(PQexec(p->conn, sql), clear);

    ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK
                      || PQresultStatus(result) == PGRES_TUPLES_OK,
                  "%s: %s", sql, PQerrorMessage(p->conn));
    return result;
}

int postgres_number(struct postgres *p, const char *sql)
{
    return atoi(PQgetvalue(postgres_do(p, sql), 0, 0));
}
