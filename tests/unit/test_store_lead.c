/* The lead: one has it, whatever the others do, and one that stands still loses
 * it and knows. */

#include "store/shm/lead.h"
#include "core_suite.h"
#include "store_shared.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    push_lead_t lead;
    _Atomic uint32_t term; /* of the child, once it has one */
    _Atomic int beats;     /* the child goes on with them */
} shared_t;

static shared_t *shared;

static void begin(void)
{
    shared = shared_memory(sizeof(*shared));
    ck_assert(push_lead_init(&shared->lead));
}

/* Whether it gets the lead by so many tries at most; each one is a quarter of a
 * second in a link. */
static uint32_t try_for(push_lead_try_t *seen, unsigned tries)
{
    uint32_t term = PUSH_LEAD_NO_TERM;

    while (!term && tries--) {
        term = push_lead_try(&shared->lead, seen);
    }
    return term;
}

static int lead_for_ever(void *data)
{
    push_lead_ref_t ref = {&shared->lead, PUSH_LEAD_NO_TERM};
    push_lead_try_t seen = {0};

    (void)data;
    while (!ref.term) {
        ref.term = push_lead_try(&shared->lead, &seen);
        sched_yield();
    }
    atomic_store(&shared->term, ref.term);
    while (push_lead_is(&ref)) {
        if (atomic_load(&shared->beats)) {
            push_lead_beat(&ref);
        }
        sched_yield();
    }
    push_lead_leave(&ref);
    return 0;
}

static pid_t start_leader(void)
{
    pid_t pid = child_start(lead_for_ever, NULL);

    while (!atomic_load(&shared->term)) {
        ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
        sched_yield();
    }
    return pid;
}

static void stop(pid_t pid)
{
    int status;

    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
    ck_assert(WIFSTOPPED(status));
}

START_TEST(who_works_keeps_it)
{
    push_lead_try_t seen = {0};
    pid_t pid = start_leader();

    atomic_store(&shared->beats, 1);
    for (unsigned i = 0; i < 100 * PUSH_LEAD_STILL; i++) {
        uint32_t before = atomic_load(&shared->lead.beats);

        ck_assert_uint_eq(push_lead_try(&shared->lead, &seen),
                          PUSH_LEAD_NO_TERM);
        while (atomic_load(&shared->lead.beats) == before) {
            sched_yield();
        }
    }
    child_kill(pid);
}
END_TEST

START_TEST(of_one_that_died_the_next_one_takes_it_at_once)
{
    push_lead_try_t seen = {0};

    child_kill(start_leader());
    ck_assert_uint_eq(push_lead_try(&shared->lead, &seen),
                      atomic_load(&shared->term));
    ck_assert(!seen.overtook);
}
END_TEST

START_TEST(of_one_that_stands_still_it_is_taken_and_it_knows_that)
{
    push_lead_try_t seen = {0};
    pid_t pid = start_leader();
    push_lead_ref_t mine = {&shared->lead, PUSH_LEAD_NO_TERM};
    int status;

    stop(pid);
    ck_assert_uint_eq(try_for(&seen, PUSH_LEAD_STILL), PUSH_LEAD_NO_TERM);
    mine.term = push_lead_try(&shared->lead, &seen);
    ck_assert_uint_ne(mine.term, PUSH_LEAD_NO_TERM);
    ck_assert_uint_ne(mine.term, atomic_load(&shared->term));
    ck_assert(seen.overtook);
    ck_assert_int_eq(kill(pid, SIGCONT), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && !WEXITSTATUS(status));
    ck_assert(push_lead_is(&mine));
}
END_TEST

START_TEST(while_all_stand_still_none_is_blamed)
{
    push_lead_try_t seen = {0};
    pid_t pid = start_leader();

    ck_assert_uint_eq(try_for(&seen, PUSH_LEAD_STILL), PUSH_LEAD_NO_TERM);
    atomic_store(&shared->beats, 1); /* that was a while ago, for all */
    while (atomic_load(&shared->lead.beats) == seen.beats) {
        sched_yield();
    }
    ck_assert_uint_eq(push_lead_try(&shared->lead, &seen), PUSH_LEAD_NO_TERM);
    ck_assert_uint_eq(seen.still, 0);
    child_kill(pid);
}
END_TEST

START_TEST(more_may_stand_still_than_there_are_locks)
{
    pid_t pids[PUSH_LEAD_LOCKS];
    push_lead_try_t seen = {0};

    for (unsigned i = 0; i < PUSH_LEAD_LOCKS; i++) {
        atomic_store(&shared->term, PUSH_LEAD_NO_TERM);
        pids[i] = start_leader();
        stop(pids[i]);
    }
    ck_assert_uint_eq(try_for(&seen, 100), PUSH_LEAD_NO_TERM);
    child_kill(pids[3]);
    ck_assert_uint_ne(try_for(&seen, PUSH_LEAD_LOCKS * (PUSH_LEAD_STILL + 2)),
                      PUSH_LEAD_NO_TERM);
    for (unsigned i = 0; i < PUSH_LEAD_LOCKS; i++) {
        if (i != 3) {
            child_kill(pids[i]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_lead");
    TCase *tc = tcase_create("lead");

    tcase_add_checked_fixture(tc, begin, NULL);
    tcase_add_test(tc, who_works_keeps_it);
    tcase_add_test(tc, of_one_that_died_the_next_one_takes_it_at_once);
    tcase_add_test(tc, of_one_that_stands_still_it_is_taken_and_it_knows_that);
    tcase_add_test(tc, while_all_stand_still_none_is_blamed);
    tcase_add_test(tc, more_may_stand_still_than_there_are_locks);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
