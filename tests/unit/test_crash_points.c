#include "core/failpoint.h"
#include "core_suite.h"
#include "store/shard/report.h"
#include "store_crash.h"
#include "store/shm/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A process dies at each failpoint that the code has. */

#define ROOM   ((size_t)4 << 20)
#define ROUNDS 6

/* The linker collects what PUSH_FAILPOINT() put there. */
extern const char *const __start_push_points[];
extern const char *const __stop_push_points[];

static const char *names[512];
static int names_count;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * A name once, wherever and however often it stands; but for those that only a
 * node of a cluster comes to (test_crash_cluster.c).
 */
static void collect_names(void)
{
    int count = 0;

    for (const char *const *at = __start_push_points;
         at != __stop_push_points && count < 512; at++) {
        if (strncmp(*at, "cluster-", 8)) {
            names[count++] = *at;
        }
    }
    qsort(names, (size_t)count, sizeof(names[0]), by_name);
    for (int i = 0; i < count; i++) {
        if (!i || strcmp(names[i], names[i - 1])) {
            names[names_count++] = names[i];
        }
    }
}

/* ---- a process that dies ---- */

static struct {
    const char *name;
    int countdown;
    int signal;
} armed;

static void on_point(const char *name)
{
    if (armed.name && !strcmp(name, armed.name) && !--armed.countdown) {
        kill(getpid(), armed.signal);
    }
}

static fixture_t g;
static crash_journal_t *journal;
static uint64_t used;

/* Messages without an event type have a class of their own. */
static void count_by_name(void)
{
    static const push_class_name_t name = {7, "message"};
    push_naming_t naming = {.names = &name, .count = 1, .now = g.now};

    ck_assert_int_eq(push_report_rename(&g.store, &naming), PUSH_OK);
}

static void begin(void)
{
    fixture_init(&g, ROOM);
    push_store_sit(&g.store, 0);
    count_by_name();
    crash_limits(&g);
    g.store.guard = shared_memory(sizeof(push_guard_t));
    ck_assert(push_guard_create(g.store.guard));
    journal = shared_memory(sizeof(*journal));
    journal->alone = true;
    used = crash_used(&g);
    crash_prepare(&g, journal);
}

static void end(void)
{
    push_failpoint_hook = NULL;
    munmap(g.store.guard, sizeof(push_guard_t));
    munmap(journal, sizeof(*journal));
    fixture_cleanup(&g);
}

static int work(void *data)
{
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());

    (void)data;
    CHILD_NEEDS(seat > 0);
    push_store_sit(&g.store, (unsigned)seat);
    push_failpoint_hook = on_point;
    crash_work(&g, journal, ROUNDS);
    push_seat_leave(&g.store.seats, (unsigned)seat);
    return 0;
}

/* True if the process died at the point; it must not end badly otherwise. */
static bool dies_at(const char *name, int count, int by)
{
    int status;
    pid_t pid;

    armed.name = name;
    armed.countdown = count;
    armed.signal = by;
    pid = child_start(work, NULL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        ck_assert_int_eq(WTERMSIG(status), by);
        journal->deaths++;
        crash_counts(&g, journal);
        return true;
    }
    ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status),
                  "at %s: a process failed", name);
    return false;
}

static void verify(void)
{
    crash_verify(&g, journal);
    crash_empty(&g, used);
}

/* ---- every point ---- */

/* What must happen before, for a point that only a repair comes to. */
static const char *const before[] = {"append-slot",        "retire-linked",
                                     "object-take-tagged", "run-take-rest",
                                     "release-outcomes",   "settle-outcome",
                                     "hold-counted",       "device-died",
                                     "later-over"};

#define BEFORE (sizeof(before) / sizeof(before[0]))

static bool reached_after_death(const char *name)
{
    for (size_t i = 0; i < BEFORE; i++) {
        for (int count = 2; count <= 60; count += 29) {
            if (dies_at(before[i], count, SIGKILL)
                && dies_at(name, 1, SIGKILL)) {
                return true;
            }
            end();
            begin();
        }
    }
    return false;
}

START_TEST(a_death_at_any_failpoint_costs_nothing)
{
    const char *name = names[_i];

    if (!dies_at(name, 1, SIGKILL) && !reached_after_death(name)) {
        ck_abort_msg("nothing comes to %s", name);
    }
    verify();
}
END_TEST

START_TEST(a_later_death_at_any_failpoint_costs_nothing)
{
    dies_at(names[_i], 7, SIGKILL);
    dies_at(names[_i], 40, SIGKILL);
    verify();
}
END_TEST

/* Whatever comes next is in a repair, and dies there as well. */
START_TEST(two_deaths_in_a_row_inside_the_repair_cost_nothing)
{
    const char *name = names[_i];

    if (!strstr(name, "repair")) {
        return;
    }
    for (size_t i = 0; i < BEFORE; i++) {
        dies_at(before[i], 5, SIGKILL);
        dies_at(name, 1, SIGKILL);
        dies_at(name, 2, SIGKILL);
    }
    verify();
}
END_TEST

START_TEST(a_crash_at_any_failpoint_costs_nothing)
{
    dies_at(names[_i], 2, SIGSEGV);
    verify();
}
END_TEST

START_TEST(there_are_failpoints_in_every_critical_section)
{
    static const char *const parts[] = {
        "append",    "ack",       "end",       "evict",      "remove",
        "collect",   "return",    "place",     "device",     "older",
        "stream",    "move",      "hold",      "table-grow", "ring-grow",
        "runs-grow", "page-take", "page-give", "run-take",   "pages-give",
        "retire",    "retired",   "repair",    "recount",    "key",
        "reset",     "wake",      "offline",   "user",       "channel",
        "trim",      "seat",      "counted",   "tallied",    "report",
        "later",     "assigned"};

    ck_assert_int_ge(names_count, 30);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        bool found = false;

        for (int n = 0; n < names_count; n++) {
            found |= !strncmp(names[n], parts[i], strlen(parts[i]));
        }
        ck_assert_msg(found, "no failpoint begins with %s", parts[i]);
    }
}
END_TEST

/* ---- a process that stops ---- */

static pid_t stop_at(const char *name, int count)
{
    int status;
    pid_t pid;

    armed.name = name;
    armed.countdown = count;
    armed.signal = SIGSTOP;
    pid = child_start(work, NULL);
    ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
    ck_assert_msg(WIFSTOPPED(status), "it never came to %s", name);
    return pid;
}

static const struct {
    const char *name;
    int count;
} stops[] = {{"append-slot", 30},
             {"object-take-tagged", 30},
             {"retire-linked", 30},
             {"collect-in-window", 30},
             {"page-take-stated", 1}};

/* Any audience: those of the stopped one's shard, and others. */
START_TEST(while_an_owner_is_stopped_others_are_answered_within_a_second)
{
    pid_t pid = stop_at(stops[_i].name, stops[_i].count);
    char user[32];

    for (int i = 0; i < 200; i++) {
        int64_t at = push_clock_now().mono;
        push_status_t status;

        snprintf(user, sizeof(user), "other%d", i);
        status = fixture_publish(&g, PUSH_LOG_USER, i ? user : "a-0", "x",
                                 PUSH_NORMAL);
        journal->published += status == PUSH_OK;
        NEEDS(push_clock_now().mono - at < 1000, "an answer took %ld ms",
              (long)(push_clock_now().mono - at));
        NEEDS(status == PUSH_OK || status == PUSH_BUSY
                  || status == PUSH_NO_MEMORY,
              "status %d", (int)status);
    }
    kill(pid, SIGCONT);
    child_expect(pid);
    verify();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crashes");
    TCase *points = unit_case(suite, "points", 60);
    TCase *stop = unit_case(suite, "stop", 120);

    collect_names();
    tcase_add_checked_fixture(points, begin, end);
    tcase_add_checked_fixture(stop, begin, end);
    tcase_add_test(points, there_are_failpoints_in_every_critical_section);
    tcase_add_loop_test(points, a_death_at_any_failpoint_costs_nothing, 0,
                        names_count);
    tcase_add_loop_test(points, a_later_death_at_any_failpoint_costs_nothing,
                        0, names_count);
    tcase_add_loop_test(points,
                        two_deaths_in_a_row_inside_the_repair_cost_nothing, 0,
                        names_count);
    tcase_add_loop_test(points, a_crash_at_any_failpoint_costs_nothing, 0,
                        names_count);
    tcase_add_row_test(
        stop, while_an_owner_is_stopped_others_are_answered_within_a_second,
        stops);
    return unit_run(suite);
}
