/*
 * A start that is ended while it reads or writes the state on disk, and a disk
 * that is full where a process would not expect it.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "disk.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define COMMIT "PushStateDir state\nPushDurability commit\n"

static struct server *start(const char *global)
{
    struct server_options o = {.global = global};

    return server_start(&o);
}

/* ---- a start that is interrupted ---- */

/* As tests/integration/preload/holdstart.c has them. */
static const char *const steps[] = {
    "begins 0",  "works 0", /* the reader of the state */
    "begins 1",  "works 1", /* the reader of the logs */
    "ended 2",              /* the parent fills the segment */
    "begins 2",  "works 2", /* the writer of the new file */
    "ended 3",              /* the new file is written */
    "renames 3",            /* and in its place */
};

#define STEPS (int)(sizeof(steps) / sizeof(steps[0]))

static void start_up_to(struct server *s, const char *step)
{
    char *file = keep_printf("%s/logs/held", s->root);

    setenv("PUSH_HOLD_STEP", step, 1);
    setenv("PUSH_HOLD_FILE", file, 1);
    s->options.preload = keep_printf(
        "%s/tests/integration/holdstart.so",
        getenv("PUSH_BUILD") != NULL ? getenv("PUSH_BUILD") : "build");
    server_begin(s);
    wait_until(access(file, F_OK) == 0);
    s->options.preload = NULL;
    unsetenv("PUSH_HOLD_STEP");
}

/* By each of the two signals. */
START_TEST(a_start_that_is_interrupted_leaves_nothing_behind)
{
    int signal = _i % 2 == 0 ? SIGTERM : SIGKILL;
    struct server *s;
    int status;
    pid_t group;

    if (geteuid() != 0) {
        return; /* without a change of the user there are other steps */
    }
    s = start(COMMIT);
    publish(s, "user=ada", NULL, "a");
    publish(s, "user=ada", NULL, "b");
    server_kill(s);
    start_up_to(s, steps[_i / 2]);
    group = s->pid;
    ck_assert_int_eq(kill(s->pid, signal), 0);
    ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
    ck_assert(WIFSIGNALED(status));
    server_again(s);
    wait_until(kill(-group, 0) < 0);
    {
        struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);

        expect_message(st, 1, "a");
        expect_message(st, 2, "b");
    }
}
END_TEST

/* ---- a disk that fills between the start and the first write ---- */

static int deaths(const struct server *s)
{
    return (int)json_integer_value(json_object_get(
        json_object_get(http_get(s, "/push/health")->json, "children"),
        "died"));
}

START_TEST(a_disk_that_fills_before_the_first_write_kills_nobody)
{
    const char *disk = disk_mount("60m");
    struct server *s;

    if (disk == NULL) {
        return;
    }
    s = start(keep_printf("PushStateDir %s/state\nPushDurability %s\n", disk,
                          _i == 0 ? "interval" : "commit"));
    server_allow(s, "PUSH0077");
    disk_fill(disk);
    for (int i = 0; i < 20; i++) {
        publish_try(s, "user=ada", NULL, "x");
    }
    wait_until(serverlog_count(s, "PUSH0077") == 1);
    ck_assert_int_eq(deaths(s), 0);
    disk_empty(disk);
    wait_until(serverlog_count(s, "PUSH0076") == 1);
    publish(s, "user=ada", NULL, "well");
}
END_TEST

/* ---- children that die ---- */

/* Kill a child that is neither on its way in nor out: those do not count. */
static void kill_one_that_serves(struct server *s)
{
    struct stream *st = stream_open(s, "user=ada&device=d", NULL);
    pid_t child = 0;

    wait_until((child = server_child_of(s, st->wire->fd)) != 0);
    server_kill_child(s, child);
}

START_TEST(health_says_that_children_die_repeatedly)
{
    struct server *s = start(NULL);

    server_allow(s, "exit signal Killed");
    ck_assert_int_eq(deaths(s), 0);
    server_graceful(s);
    ck_assert_int_eq(deaths(s), 0);
    for (int i = 1; i <= 3; i++) {
        ck_assert_str_eq(
            json_text_at(http_get(s, "/push/health")->json, "status"), "ok");
        kill_one_that_serves(s);
        wait_until(deaths(s) == i);
    }
    ck_assert_str_eq(json_text_at(http_get(s, "/push/health")->json, "status"),
                     "degraded");
    ck_assert_int_eq(http_get(s, "/push/health")->status, 200);
    ck_assert_ptr_nonnull(
        strstr(http_get(s, "/push/health")->body, "\"reason\":\"children\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interrupted");
    TCase *starts = case_add(suite, "starts", 60);
    TCase *disks = case_add(suite, "disks", 60);

    tcase_add_loop_test(starts,
                        a_start_that_is_interrupted_leaves_nothing_behind, 0,
                        2 * STEPS);
    tcase_add_loop_test(
        disks, a_disk_that_fills_before_the_first_write_kills_nobody, 0, 2);
    tcase_add_test(disks, health_says_that_children_die_repeatedly);
    return case_run(suite);
}
