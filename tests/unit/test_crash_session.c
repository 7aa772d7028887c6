#include "core/failpoint.h"
#include "core_suite.h"
#include "core_world.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/validate.h"
#include "store_shared.h"
#include "store/ops/ack.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A death in the middle of a check-in, and what names its numbers then. */

#define ROOM ((size_t)4 << 20)

static fixture_t g;
static push_stream_ref_t stream_ref;
static const char *point;

static void begin(void)
{
    fixture_init(&g, ROOM);
    g.traced = true;
    push_store_sit(&g.store, 0);
}

static void end(void)
{
    fixture_cleanup(&g);
}

static void on_point(const char *name)
{
    if (!strcmp(name, point)) {
        kill(getpid(), SIGKILL);
    }
}

static int check_in_anew(void *data)
{
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());

    (void)data;
    CHILD_NEEDS(seat > 0);
    push_store_sit(&g.store, (unsigned)seat);
    push_failpoint_hook = on_point;
    fixture_resume(&g, "u", "d", NULL, &stream_ref);
    return 0;
}

static push_status_t acknowledge(uint64_t session)
{
    push_cursor_t at = cursor(1);

    at.has_session = true;
    at.session = session;
    return push_store_ack(&g.store, named("u"), stream_ref.id, &at, &g.now);
}

/* In the order in which a check-in comes to them. */
static const char *const points[] = {
    "session-open",          "return-cursor",     "return-dropped",
    "begin-acked",           "older-stream-left", "older-stream-ended",
    "subscriptions-swapped", "stream-numbered",   "stream-seated",
    "stream-online",         "session-close"};

static void die_at(const char *name)
{
    int status;
    pid_t pid;

    point = name;
    pid = child_start(check_in_anew, NULL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status), "it never came to %s", name);
}

/*
 * Either nothing of the new session is there, or the token of the old one
 * names nothing any more.
 */
START_TEST(no_token_of_an_earlier_stream_names_what_a_death_left_behind)
{
    uint64_t before, after;

    ck_assert_int_eq(fixture_checkin(&g, "u", "d", NULL, &stream_ref),
                     PUSH_OK);
    before = push_store_session(&g.store, stream_ref.gen);
    for (const char *text = "abc"; *text; text++) {
        NEEDS(fixture_publish(&g, PUSH_LOG_USER, "u", (char[]){*text, '\0'},
                              PUSH_NORMAL)
                  == PUSH_OK,
              "a publish failed");
    }
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c");
    die_at(points[_i]);
    ck_assert_int_eq(acknowledge(before), PUSH_STALE);
    ck_assert_int_eq(fixture_checkin(&g, "u", "d", NULL, &stream_ref),
                     PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a 2=b 3=c");
    after = push_store_session(&g.store, stream_ref.gen);
    ck_assert_uint_ne(before, after);
    ck_assert_int_eq(acknowledge(before), PUSH_STALE);
    ck_assert_int_eq(acknowledge(after), PUSH_OK);
}
END_TEST

/* Its retention does not begin before its last stream ended. */
START_TEST(a_context_outlives_a_death_in_its_check_in)
{
    g.store.limits.retention = 10000;
    ck_assert_int_eq(fixture_checkin(&g, "u", "d", NULL, &stream_ref),
                     PUSH_OK);
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "u", "a", PUSH_NORMAL),
                     PUSH_OK);
    ck_assert_str_eq(fixture_flush(&g, &stream_ref), "1=a");
    die_at(points[_i]);
    for (int i = 0; i < 2; i++) {
        atomic_store(&g.store.segment->sweep_next, 0);
        push_store_sweep_due(&g.store, &g.now);
    }
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "u", "b", PUSH_NORMAL),
                     PUSH_OK);
    ck_assert_int_eq(g.receipt.recipients, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *tc = unit_case(suite, "session", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_row_test(
        tc, no_token_of_an_earlier_stream_names_what_a_death_left_behind,
        points);
    tcase_add_row_test(tc, a_context_outlives_a_death_in_its_check_in, points);
    return unit_run(suite);
}
