/*
 * Rows of a table in PostgreSQL become messages and events
 * (PushSourcePostgres): each of them, once, in order, whoever dies meanwhile.
 */
#include <check.h>
#include <postgresql/libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "postgres.h"
#include "scrape.h"
#include "shell.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define MANY 400 /* rows while children die */

static const char *load(void)
{
    return keep_printf("LoadModule push_postgres_source_module "
                       "\"%s/mod_push_postgres_source.so\"\n",
                       shell_build());
}

/* A source `orders` of the table; more words, and more lines. */
static struct server *start(const struct postgres *p, const char *words,
                            const char *lines)
{
    struct server_options o = {
        .global = keep_printf(
            "%sPushSourcePostgres orders \"host=127.0.0.1 port=%d "
            "user=postgres dbname=postgres password=its-secret\" "
            "table=push_outbox allow=user:a* allow=channel:news %s\n%s\n",
            load(), p->port, words, lines)};

    return server_start(&o);
}

static int figure(const struct server *s, const char *name)
{
    return (int)scrape_value(scrape_take(s, false),
                             keep_printf("push_source_%s{source=\"orders\"}",
                                         name));
}

static int rows(struct postgres *p)
{
    return postgres_number(p, "SELECT count(*) FROM push_outbox");
}

static void add(struct postgres *p, const char *line)
{
    char *quoted = PQescapeLiteral(p->conn, line, strlen(line));

    postgres_do(p, keep_printf("INSERT INTO push_outbox (line) VALUES (%s)",
                               quoted));
    PQfreemem(quoted);
}

/* Texts first to last, in one statement. */
static void add_numbers(struct postgres *p, int first, int last)
{
    postgres_do(p, keep_printf("INSERT INTO push_outbox (line) SELECT "
                               "'{\"user\":\"ada\",\"text\":\"' || n || '\"}' "
                               "FROM generate_series(%d, %d) AS n",
                               first, last));
}

/* A device that is new begins at the oldest message. */
static void expect_numbers(const struct server *s, int first, int last)
{
    struct stream *st = stream_open(s, "user=ada&device=late", NULL);

    for (int i = first; i <= last; i++) {
        expect_message(st, i - first + 1, keep_printf("%d", i));
        if (i % 50 == 0) {
            acknowledge(s, keep_printf("user=ada&device=late&seq=%d",
                                       i - first + 1));
        }
    }
    stream_close(st);
}

/* ---- what becomes of rows ---- */

static void expect_dead(struct postgres *p, const char *why)
{
    PGresult *dead = postgres_do(
        p, "SELECT line, why FROM push_outbox_dead ORDER BY id");

    ck_assert_int_eq(PQntuples(dead), 2);
    ck_assert_str_eq(PQgetvalue(dead, 0, 0), "nonsense");
    ck_assert_msg(strstr(PQgetvalue(dead, 1, 1), why) != NULL, "%s",
                  PQgetvalue(dead, 1, 1));
}

START_TEST(rows_become_messages_and_what_is_refused_is_kept)
{
    static const char rule[] = "<PushTrigger t>\n"
                               "PushWhen \"event('type') == 'order.new'\"\n"
                               "PushPost http://127.0.0.1:9/\n"
                               "PushRetry attempts=1 age=60s\n"
                               "</PushTrigger>\n";
    struct postgres *p = postgres_start();
    struct server *s = start(p, "every=1h", rule);
    struct stream *st = stream_open(s, "user=ada&device=d&channel=news", NULL);

    server_allow(s, "PUSH0241");
    server_allow(s, "PUSH0276");
    wait_until(figure(s, "connected") == 1);

    /* What is rolled back was never there; what is committed comes at once. */
    postgres_do(p, "BEGIN");
    add(p, "{\"user\":\"ada\",\"text\":\"never\"}");
    postgres_do(p, "ROLLBACK");
    postgres_do(p, "BEGIN");
    add(p, "{\"user\":\"ada\",\"text\":\"one\"}");
    add(p, "{\"channel\":\"news\",\"text\":\"two\"}");
    add(p, "nonsense");
    add(p, "{\"user\":\"bob\",\"text\":\"x\"}");
    add(p, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\","
           "\"type\":\"order.new\"}");
    postgres_do(p, "COMMIT");
    expect_message(st, 1, "one");
    expect_message(st, 2, "two");
    wait_until(rows(p) == 0);
    expect_dead(p, "bob is not allowed (allow=)");
    add(p, "{\"user\":\"ada\",\"text\":\"three\"}");
    expect_message(st, 3, "three");
    wait_until(figure(s, "taken_total") == 4);
    ck_assert_int_eq(figure(s, "refused_total"), 2);
    wait_until(scrape_value(scrape_take(s, false),
                            "push_trigger_dead_letters_total{trigger=\"t\"}")
               == 1);
    ck_assert_ptr_null(strstr(server_file(s, "logs/error"), "its-secret"));
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(a_killed_child_or_database_loses_nothing_and_doubles_nothing)
{
    struct postgres *p = postgres_start();
    struct server *s = start(p, "batch=3", "");
    pid_t children[2];

    server_allow(s, "PUSH0277");
    ck_assert_int_eq(server_children(s, children, 2), 2);
    for (int half = 0; half < 2; half++) {
        add_numbers(p, half * MANY / 2 + 1, (half + 1) * MANY / 2);
        wait_until(figure(s, "taken_total") > half * MANY / 2);
        server_kill_child(s, children[half]);
    }
    postgres_stop(p);
    postgres_again(p);
    server_graceful(s);
    wait_until(rows(p) == 0);
    expect_numbers(s, 1, MANY);
}
END_TEST

START_TEST(what_another_machine_has_is_passed_by_and_what_has_to_wait_waits)
{
    struct postgres *p = postgres_start();
    PGconn *other = PQconnectdb(keep_printf(
        "host=127.0.0.1 port=%d user=postgres dbname=postgres", p->port));
    struct server *s;
    struct stream *st;

    add_numbers(p, 1, 3);
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other, "SELECT 1 FROM push_outbox WHERE line LIKE '%2%' "
                          "FOR UPDATE"));
    s = start(p, "every=100ms", "PushPublisherRate 50");
    server_allow(s, "PUSH0274");
    server_allow(s, "PUSH0277");
    st = stream_open(s, "user=ada&device=d", NULL);
    expect_message(st, 1, "1");
    expect_message(st, 2, "3");
    wait_until(rows(p) == 1);
    PQfinish(other);
    expect_message(st, 3, "2");
    stream_close(st);

    add_numbers(p, 1001, 1120);
    wait_until(rows(p) == 0);
    ck_assert_int_gt(figure(s, "put_off_total"), 0);
    st = stream_open(s, "user=ada&device=d&seq=3", NULL);
    for (int i = 1; i <= 120; i++) {
        expect_message(st, 3 + i, keep_printf("%d", 1000 + i));
        acknowledge(s, keep_printf("user=ada&device=d&seq=%d", 3 + i));
    }

    /* Without its table it says so, and goes on when there is one. */
    postgres_do(p, "ALTER TABLE push_outbox RENAME TO elsewhere");
    wait_until(figure(s, "connected") == 0);
    ck_assert_ptr_nonnull(strstr(server_file(s, "logs/error"),
                                 "\"push_outbox\" does not exist"));
    postgres_do(p, "ALTER TABLE elsewhere RENAME TO push_outbox");
    wait_until(figure(s, "connected") == 1);
}
END_TEST

/* ---- directives ---- */

#define GOOD "PushSourcePostgres a \"host=127.0.0.1\" "

static const char *const wrong[][2] = {
    {"PushSourcePostgres a host=h", "takes NAME CONNINFO table=TABLE"},
    {"PushSourcePostgres a \"password=its-secret oops\" table=t",
     "CONNINFO must be"},
    {"PushSourcePostgres a/b host=h table=t", "NAME must be 1 to 63"},
    {GOOD "every=1s", "table= must be TABLE or"},
    {GOOD "table=\"a;b\"", "table= must be TABLE or"},
    {GOOD "table=a.b.c", "table= must be TABLE or"},
    {GOOD "table=1a", "table= must be TABLE or"},
    {GOOD "table=t channel=a-b", "channel= must be of letters"},
    {GOOD "table=t batch=0", "batch= must be 1 to 1000"},
    {GOOD "table=t batch=1001", "batch= must be 1 to 1000"},
    {GOOD "table=t every=3601", "every= must be 100ms to 3600s"},
    {GOOD "table=t every=99ms", "every= must be 100ms to 3600s"},
    {GOOD "table=t group=x", "it takes table=, "},
    {GOOD "table=t allow=bob", "allow= must be user:PATTERN"},
    {GOOD "table=t\n" GOOD "table=u", "another source of this name"},
};

START_TEST(a_wrong_source_stops_the_start_with_what_is_legal)
{
    struct server_options o = {
        .global = keep_printf("%s%s", load(), wrong[_i][0])};
    const char *said = server_refusal(&o);

    ck_assert_msg(strstr(said, wrong[_i][1]) != NULL, "%s: %s", wrong[_i][0],
                  said);
    ck_assert_msg(strstr(said, "its-secret") == NULL, "%s", said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_postgres");
    TCase *tc = case_add(suite, "rows", 60);

    tcase_add_test(tc, rows_become_messages_and_what_is_refused_is_kept);
    tc = case_add(suite, "faults", 90);
    tcase_add_test(
        tc, a_killed_child_or_database_loses_nothing_and_doubles_nothing);
    tcase_add_test(
        tc, what_another_machine_has_is_passed_by_and_what_has_to_wait_waits);
    tc = case_add(suite, "directives", 60);
    tcase_add_row_test(tc, a_wrong_source_stops_the_start_with_what_is_legal,
                       wrong);
    return case_run(suite);
}
