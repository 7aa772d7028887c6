#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulation/schedule.h"

/*
 * SIM_SEEDS=n runs so many seeds, SIM_SEED=n that one alone: see the target
 * `simulation` of the Makefile.
 */

#define ROWS 10 /* each a test of its own, with its part of the seeds */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 1000
#else
#define SEEDS 10000
#endif

/* Within so many seeds a broken rule is found. */
#define PATIENCE 20000

static uint64_t number_of(const char *name, uint64_t missing)
{
    const char *text = getenv(name);

    return text && text[0] ? strtoull(text, NULL, 10) : missing;
}

/* Prints the shortest schedule that still fails, and what is wrong with it. */
static void tell_witness(uint64_t seed)
{
    sim_schedule_t schedule;

    sim_schedule_draw(&schedule, seed, SIM_SOUND);
    sim_schedule_shorten(&schedule);
    schedule.shown = true;
    sim_schedule_print(&schedule, stdout);
    fflush(stdout);
    if (!fork()) {
        sim_schedule_run(&schedule, stdout);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("to see it again: make simulation SEED=%lu\n", (unsigned long)seed);
    fflush(stdout);
}

/* Where a process stands that runs seeds one after the other. */
typedef struct {
    volatile uint64_t at;
    volatile bool failed;
} progress_t;

static void run_seeds(progress_t *p, uint64_t to, FILE *null)
{
    sim_schedule_t schedule;

    for (; p->at < to; p->at++) {
        sim_schedule_draw(&schedule, p->at, SIM_SOUND);
        if (sim_schedule_run(&schedule, null)) {
            p->failed = true;
            return;
        }
    }
}

/* The first seed of from … to - 1 that fails or crashes; to if none does. */
static uint64_t first_failure(uint64_t from, uint64_t to)
{
    progress_t *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t pid;

    ck_assert_ptr_ne(p, MAP_FAILED);
    p->at = from;
    pid = fork();
    if (!pid) {
        run_seeds(p, to, fopen("/dev/null", "w"));
        _exit(p->failed);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    from = status ? p->at : to;
    munmap(p, sizeof(*p));
    return from;
}

static void expect_sound(uint64_t from, uint64_t to)
{
    uint64_t seed = first_failure(from, to);

    if (seed != to) {
        tell_witness(seed);
        ck_abort_msg("seed %lu breaks a promise", (unsigned long)seed);
    }
}

START_TEST(no_schedule_of_faults_breaks_a_promise)
{
    uint64_t one = number_of("SIM_SEED", UINT64_MAX);
    uint64_t part = (number_of("SIM_SEEDS", SEEDS) + ROWS - 1) / ROWS;
    uint64_t from = part * (uint64_t)_i;

    if (one != UINT64_MAX) {
        expect_sound(one, one + 1);
        return;
    }
    expect_sound(from, from + part);
}
END_TEST

/* What each broken rule is found by. */
static const struct {
    sim_fault_t fault;
    const char *found_as;
} faults[] = {
    {SIM_ACK_ONE_TOO_MANY, "early-ack"},
    {SIM_RESUME_ONE_TOO_FAR, "early-ack"},
    {SIM_ORDER_BY_PUBLISH, "overtaken"},
    {SIM_DONE_TOO_EARLY, "early-ack"},
    {SIM_HALF_BLOCK_KEPT, "payload"},
    {SIM_REPEATS_FORGOTTEN, "duplicate"},
    {SIM_UNWRITTEN_IS_SENT, "early-ack"},
    {SIM_GAP_HIDDEN, "silent-gap"},
    {SIM_KEY_IGNORED, "twice"},
    {SIM_EXPIRED_SENT, "late"},
    {SIM_WRONG_USER, "foreign"},
    {SIM_STALE_FORGOTTEN, "early-ack"},
    {SIM_CURSOR_MOVES_ON, "silent-gap"},
    {SIM_ABANDONED_SERVED, "early-ack"},
    {SIM_NUMBER_KEPT, "order"},
    {SIM_NOT_RESUMED, "lost"},
    {SIM_STALE_ACK_TAKEN, "nonsense"},
    {SIM_SESSION_IGNORED, "order"},
    {SIM_REPLACED_NOT_TOLD, "lost"},
    {SIM_SLID_NOT_TOLD, "silent-gap"},
    {SIM_RECEIVED_ONE_TOO_FAR, "lost"},
    {SIM_NOBODY_WOKEN, "stuck"},
};

static bool finds(const char *said, const char *rule)
{
    size_t len = strlen(rule);
    const char *at = said;

    while (at && *at) {
        if (!strncmp(at, rule, len) && at[len] == ':') {
            return true;
        }
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    return false;
}

/* True if the seed fails, and for this reason among others. */
static bool found_by(uint64_t seed, sim_fault_t fault, const char *rule)
{
    sim_schedule_t schedule;
    char *said = NULL;
    size_t len;
    FILE *out = open_memstream(&said, &len);
    bool found;

    ck_assert_ptr_nonnull(out);
    sim_schedule_draw(&schedule, seed, fault);
    sim_schedule_run(&schedule, out);
    fclose(out);
    found = finds(said, rule);
    free(said);
    return found;
}

START_TEST(a_rule_that_is_broken_is_found)
{
    uint64_t seed = 0;

    while (seed < PATIENCE
           && !found_by(seed, faults[_i].fault, faults[_i].found_as)) {
        seed++;
    }
    ck_assert_msg(seed < PATIENCE, "fault %d is not found as %s",
                  faults[_i].fault, faults[_i].found_as);
}
END_TEST

START_TEST(a_schedule_that_fails_is_shortened)
{
    sim_schedule_t schedule;
    uint64_t seed = 0;

    do {
        sim_schedule_draw(&schedule, seed++, SIM_ORDER_BY_PUBLISH);
    } while (!sim_schedule_fails(&schedule));
    sim_schedule_shorten(&schedule);
    ck_assert_int_le(schedule.count, 6);
    ck_assert(sim_schedule_fails(&schedule));
    for (int i = 0; i < schedule.count; i++) {
        sim_schedule_t shorter = schedule;

        shorter.count--;
        memmove(&shorter.steps[i], &shorter.steps[i + 1],
                (size_t)(shorter.count - i) * sizeof(sim_step_t));
        ck_assert(!sim_schedule_fails(&shorter));
    }
}
END_TEST

START_TEST(a_seed_gives_the_same_story_each_time)
{
    sim_schedule_t schedule;
    char *said[2] = {NULL, NULL};
    size_t len;

    sim_schedule_draw(&schedule, 7, SIM_ACK_ONE_TOO_MANY);
    for (int i = 0; i < 2; i++) {
        FILE *out = open_memstream(&said[i], &len);

        ck_assert_ptr_nonnull(out);
        sim_schedule_run(&schedule, out);
        fclose(out);
    }
    ck_assert_str_eq(said[0], said[1]);
    free(said[0]);
    free(said[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulation");
    TCase *tc = unit_case(suite, "proof", 120);

    tcase_add_row_test(tc, a_rule_that_is_broken_is_found, faults);
    tcase_add_test(tc, a_schedule_that_fails_is_shortened);
    tcase_add_test(tc, a_seed_gives_the_same_story_each_time);
    tc = unit_case(suite, "seeds", 600);
    tcase_add_loop_test(tc, no_schedule_of_faults_breaks_a_promise, 0,
                        getenv("SIM_SEED") && getenv("SIM_SEED")[0] ? 1
                                                                    : ROWS);
    return unit_run(suite);
}
