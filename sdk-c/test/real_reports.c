/* real_reports.c - pushctl reports with a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "shell.h"
#include "verbs.h"

static struct server *server;

static void setup(void)
{
    struct server_options o = {.global = "PushMetricsEvents order\n"};
    char cwd[512];

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    server = server_start(&o);
    setenv("HOME", keep_printf("%s/htdocs", server->root), 1);
    setenv("PUSHCTL_URL",
           keep_printf("http://127.0.0.1:%d/push/", server->port), 1);
    setenv("CTL", keep_printf("timeout 60 %s/pushctl", shell_build()), 1);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("PUSHCTL_CONFIG");
}

/* What $CTL says to a command line. */
static const char *ctl(const char *words)
{
    return shell_run(keep_printf("$CTL %s", words));
}

/* The column of a report by event type, summed up over all minutes. */
static const char *sum_of(const char *event, int column)
{
    return shell_run(keep_printf("$CTL reports --csv | awk -F, -v OFS= "
                                 "'$2 == \"%s\" { s += $%d } "
                                 "END { print s + 0 }'",
                                 event, column));
}

START_TEST(reports_tell_what_happened_in_each_minute)
{
    const json_t *rows;

    publish(server, "user=bob", NULL, "x");
    publish(server, "user=bob", "Push-Event: order\r\n", "x");
    publish(server, "user=bob", "Push-Event: order\r\n", "x");
    rows = json_at(json_keep(json_loads(ctl("reports --json"), 0, NULL)),
                   "rows");
    ck_assert_int_ge((int)json_array_size(rows), 2);
    ck_assert_str_eq(sum_of("other", 3), "1\n");
    ck_assert_str_eq(sum_of("order", 3), "2\n");
    ck_assert_str_eq(
        ctl("reports --step day --by total --csv | head -1 | tr -d '\\r'"),
        "time,published,delivered,acked,expired,replaced,recalled,evicted,"
        "refused,filtered\n");
    ck_assert_str_eq(ctl("reports --step day --from 1000000000 --by=event "
                         "--to 4102444800 | sed -n 's/  */ /g; "
                         "s/^.*Z\\( other .*\\)/\\1/p'"),
                     " other 1 0 0 0 0 0 0 0 0\n");
    ck_assert_str_eq(ctl("reports --to 1000"), "");
}
END_TEST

static const struct {
    const char *words;
    const char *code;
} wrong[] = {{"--csv --json", "2\n"},
             {"--step", "2\n"},
             {"--step hour", "1\n"},
             {"--from 2026-02-30T00:00:00Z", "1\n"}};

START_TEST(what_is_wrong_is_told_by_the_exit_code)
{
    ck_assert_str_eq(shell_run(keep_printf("$CTL reports %s 2> $HOME/said "
                                           "|| echo $?; test -s $HOME/said",
                                           wrong[_i].words)),
                     wrong[_i].code);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c pushctl reports");
    TCase *tc = case_add(suite, "reports", 60);

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, reports_tell_what_happened_in_each_minute);
    tcase_add_row_test(tc, what_is_wrong_is_told_by_the_exit_code, wrong);
    return case_run(suite);
}
