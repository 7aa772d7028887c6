#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulation/cluster/world.h"

/*
 * SIM_SEEDS=n runs so many seeds, SIM_SEED=n that one alone: see the target
 * `cluster-simulation` of the Makefile.
 */

/*
 * A node that is killed leaves all that it had. ASan reads this where the
 * program shows it.
 */
extern __attribute__((visibility("default"))) const char *
__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

#define ROWS 6 /* each a test of its own, with its part of the seeds */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 24
#else
#define SEEDS 240
#endif

/* Within so many seeds a broken rule is found. */
#define PATIENCE 240

static uint64_t number_of(const char *name, uint64_t missing)
{
    const char *text = getenv(name);

    return text && text[0] ? strtoull(text, NULL, 10) : missing;
}

/* In a process of its own, so that whatever happens there ends there. */
static bool fails(const cs_schedule_t *schedule, const char *rule)
{
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (!pid) {
        char *said = NULL;
        size_t len;
        FILE *out = schedule->shown ? stdout : open_memstream(&said, &len);
        unsigned violations = out ? cs_schedule_run(schedule, out) : 1;

        fflush(out);
        _exit(violations && (!rule || strstr(said, rule)) ? 1 : 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status != 0;
}

/* Without count steps from at on. */
static cs_schedule_t without(const cs_schedule_t *schedule, int at, int count)
{
    cs_schedule_t shorter = *schedule;

    count = count < shorter.count - at ? count : shorter.count - at;
    shorter.count -= count;
    memmove(&shorter.steps[at], &shorter.steps[at + count],
            (size_t)(shorter.count - at) * sizeof(cs_step_t));
    return shorter;
}

/* Leaves out all steps without which it still fails. */
static void shorten(cs_schedule_t *schedule)
{
    for (int chunk = schedule->count / 2; chunk; chunk /= 2) {
        int at = 0;

        while (at < schedule->count) {
            cs_schedule_t shorter = without(schedule, at, chunk);

            if (fails(&shorter, NULL)) {
                *schedule = shorter;
            }
            else {
                at += chunk;
            }
        }
    }
}

static void tell_witness(uint64_t seed)
{
    cs_schedule_t schedule;

    cs_schedule_draw(&schedule, seed, CS_SOUND);
    shorten(&schedule);
    schedule.shown = true;
    fails(&schedule, NULL);
    printf("to see it again: make cluster-simulation SEED=%lu\n",
           (unsigned long)seed);
    fflush(stdout);
}

START_TEST(no_fault_breaks_a_promise_of_a_cluster)
{
    uint64_t one = number_of("SIM_SEED", UINT64_MAX);
    uint64_t part = (number_of("SIM_SEEDS", SEEDS) + ROWS - 1) / ROWS;
    uint64_t from = one != UINT64_MAX ? one : part * (uint64_t)_i;
    uint64_t to = one != UINT64_MAX ? one + 1 : from + part;
    cs_schedule_t schedule;

    for (; from < to; from++) {
        cs_schedule_draw(&schedule, from, CS_SOUND);
        if (fails(&schedule, NULL)) {
            tell_witness(from);
            ck_abort_msg("seed %lu breaks a promise", (unsigned long)from);
        }
    }
}
END_TEST

/* What each broken rule is found by, and from which seed on that is looked
 * for: before it there is none. */
static const struct {
    cs_fault_t fault;
    const char *found_as;
    uint64_t from;
} faults[] = {
    {CS_BARE_SEQ, "again:", 400},         {CS_FOLLOW_AND_LOAD, "unequal:", 0},
    {CS_BEAT_WITHOUT_KEY, "unequal:", 0}, {CS_LOCAL_CLOCK, "lost:", 0},
    {CS_EXACT_KEPT, "again:", 400},       {CS_OVER_A_HOLE, "unequal:", 0},
};

START_TEST(a_rule_of_a_cluster_that_is_broken_is_found)
{
    cs_schedule_t schedule;
    uint64_t seed = faults[_i].from, end = seed + PATIENCE;

    do {
        cs_schedule_draw(&schedule, seed++, faults[_i].fault);
    } while (seed < end && !fails(&schedule, faults[_i].found_as));
    ck_assert_msg(seed < end, "fault %d is not found as %s", faults[_i].fault,
                  faults[_i].found_as);
}
END_TEST

/* Each was a fault of the module once, or of what is asked of it. */
static const uint64_t found[] = {
    20,   /* what came while a log was loaded was waited for in vain */
    25,   /* what was loaded expired by the clock of the machine */
    149,  /* an owner died whose answer to an acknowledgement came later */
    157,  /* keys were lost before a drain had told the epoch */
    300,  /* who had lost its number asked for logs, as nobody */
    344,  /* as 149 */
    415,  /* who had lost its number wrote devices */
    541,  /* a failover lost a device whose owner then stood still */
    1445, /* a device came to a node that lacked what it had acknowledged */
};

START_TEST(what_was_found_once_is_mended)
{
    cs_schedule_t schedule;

    cs_schedule_draw(&schedule, found[_i], CS_SOUND);
    ck_assert(!fails(&schedule, NULL));
}
END_TEST

START_TEST(a_seed_gives_the_same_story_each_time)
{
    cs_schedule_t schedule;
    char *said[2] = {NULL, NULL};
    size_t len;

    cs_schedule_draw(&schedule, 7, CS_SOUND);
    schedule.shown = true;
    for (int i = 0; i < 2; i++) {
        FILE *out = open_memstream(&said[i], &len);

        ck_assert_ptr_nonnull(out);
        cs_schedule_run(&schedule, out);
        fclose(out);
    }
    ck_assert_str_eq(said[0], said[1]);
    free(said[0]);
    free(said[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster simulation");
    TCase *tc = unit_case(suite, "proof", 300);
    const char *one = getenv("SIM_SEED");

    tcase_add_row_test(tc, a_rule_of_a_cluster_that_is_broken_is_found,
                       faults);
    tcase_add_row_test(tc, what_was_found_once_is_mended, found);
    tcase_add_test(tc, a_seed_gives_the_same_story_each_time);
    tc = unit_case(suite, "seeds", 600);
    tcase_add_loop_test(tc, no_fault_breaks_a_promise_of_a_cluster, 0,
                        one && one[0] ? 1 : ROWS);
    return unit_run(suite);
}
