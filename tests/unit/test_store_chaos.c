#include "core_suite.h"
#include "store_crash.h"

#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Several processes at work, killed from outside at any instruction. */

/* Enough that no life fills it: full memory delivers nothing for a while. */
#define ROOM    ((size_t)64 << 20)
#define WORKERS 3
#define ROUNDS  6
#define LIFE    20 /* rounds of work, then it waits for its death */

static fixture_t g;
static crash_journal_t *journals;
static uint64_t used;

static void begin(void)
{
    fixture_init(&g, ROOM);
    push_store_sit(&g.store, 0);
    crash_limits(&g);
    journals = shared_memory(WORKERS * sizeof(*journals));
    used = crash_used(&g);
    for (unsigned i = 0; i < WORKERS; i++) {
        journals[i].number = i + 1;
        crash_prepare(&g, &journals[i]);
    }
}

static void end(void)
{
    munmap(journals, WORKERS * sizeof(*journals));
    fixture_cleanup(&g);
}

static int work(void *data)
{
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());

    CHILD_NEEDS(seat > 0);
    push_store_sit(&g.store, (unsigned)seat);
    for (int i = 0; i < LIFE; i++) {
        crash_work(&g, data, 1);
    }
    for (;;) {
        pause();
    }
}

/* Kills them one after the other, each at a moment of its own. */
static void kill_some(dice_t *d)
{
    pid_t pids[WORKERS];

    for (unsigned i = 0; i < WORKERS; i++) {
        pids[i] = child_start(work, &journals[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        struct timespec brief = {0, 1000 + dice_below(d, 2000000)};

        nanosleep(&brief, NULL);
        child_kill(pids[i]);
        journals[i].deaths++;
    }
}

START_TEST(processes_killed_at_any_instruction_cost_nothing)
{
    dice_t d = dice((uint64_t)_i);

    for (int round = 0; round < ROUNDS; round++) {
        kill_some(&d);
        kill_some(&d);
        for (unsigned i = 0; i < WORKERS; i++) {
            crash_verify(&g, &journals[i]);
        }
    }
    crash_empty(&g, used);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos");
    TCase *tc = unit_case(suite, "chaos", 120);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(tc, processes_killed_at_any_instruction_cost_nothing,
                        0, 6);
    return unit_run(suite);
}
