#include "core/failpoint.h"
#include "core_suite.h"
#include "store/shard/report.h"
#include "store_shared.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who closes a minute or a day dies: nothing is lost, and nothing doubled. */

#define ROOM ((size_t)4 << 20)
#define DAY  (INT64_C(20500) * PUSH_DAY_MS)

static fixture_t g;
static int64_t clock_at;
static uint64_t happened;

static void begin(void)
{
    fixture_init(&g, ROOM);
    push_store_sit(&g.store, 0);
    clock_at = DAY - 2 * PUSH_MINUTE_MS;
    happened = 0;
}

static void end(void)
{
    push_failpoint_hook = NULL;
    fixture_cleanup(&g);
}

static struct {
    const char *point;
    int countdown;
} doomed;

static void on_point(const char *name)
{
    if (!strcmp(name, doomed.point) && !--doomed.countdown) {
        kill(getpid(), SIGKILL);
    }
}

static int close_now(void *data)
{
    const push_time_t now = {.mono = clock_at, .wall = clock_at};
    int64_t minute;

    push_failpoint_hook = data ? on_point : NULL;
    push_report_close(&g.store, &now, &minute);
    return 0;
}

static void dies_at(const char *point, int count)
{
    int status;
    pid_t pid;

    doomed.point = point;
    doomed.countdown = count;
    pid = child_start(close_now, &doomed);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status), "it never came to %s", point);
}

static void happens(uint32_t more)
{
    fixture_happens(&g, PUSH_CLASS_OTHER, PUSH_TALLY_PUBLISHED, more);
    fixture_happens(&g, PUSH_CLASS_NAMED, PUSH_TALLY_PUBLISHED, more);
    happened += 2 * more;
}

static void add(void *data, const push_report_row_t *row)
{
    uint64_t *sum = data;

    *sum += row->of[PUSH_TALLY_PUBLISHED];
}

static void all_is_told(void)
{
    for (int i = 0; i < PUSH_STEPS; i++) {
        const push_report_query_t query = {.step = (push_period_t)i,
                                           .to = INT64_MAX};
        uint64_t sum = 0;

        ck_assert_int_eq(push_report_read(&g.store, &query, add, &sum),
                         PUSH_OK);
        ck_assert_uint_eq(sum, happened);
    }
}

static const struct {
    const char *point;
    int count; /* a day is closed with the minute: its entry is the second */
} deaths[] = {{"report-entry", 1},
              {"report-entry", 2},
              {"report-written", 1},
              {"report-valid", 1}};

/* The first minute of the segment, the last one of a day, and one more. */
START_TEST(a_death_while_a_minute_is_closed_loses_and_doubles_nothing)
{
    close_now(NULL);
    happens(3);
    clock_at += PUSH_MINUTE_MS;
    close_now(NULL);
    happens(4);
    clock_at += PUSH_MINUTE_MS;
    for (int i = 0; i < 3; i++) {
        dies_at(deaths[_i].point, deaths[_i].count);
        all_is_told();
        happens(5);
        all_is_told();
        /* The one that comes next may come late. */
        clock_at += i * PUSH_MINUTE_MS;
        close_now(NULL);
        all_is_told();
        happens(6);
        clock_at += PUSH_DAY_MS;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash reports");
    TCase *tc = unit_case(suite, "closing", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_row_test(
        tc, a_death_while_a_minute_is_closed_loses_and_doubles_nothing,
        deaths);
    return unit_run(suite);
}
