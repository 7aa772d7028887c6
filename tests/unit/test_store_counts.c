#include "core_suite.h"
#include "core_world.h"
#include "store/ops/view.h"
#include "store/shard/shard.h"
#include "store/upkeep/sweep.h"
#include "store_shared.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Counters of many processes, some of which are killed. */

#define ROOM      ((size_t)32 << 20)
#define PROCESSES 4
#define KILLS     120

/* What the processes in one place were told that counts; outlives them. */
typedef struct said_t {
    _Atomic uint64_t published, delivered;
} said_t;

static fixture_t g;
static said_t *said;

static void begin(void)
{
    fixture_init(&g, ROOM);
    push_store_sit(&g.store, 0);
    g.store.limits.max_pending = 8;
    said = shared_memory(PROCESSES * sizeof(*said));
}

static void end(void)
{
    munmap(said, PROCESSES * sizeof(*said));
    fixture_cleanup(&g);
}

static void sweep(void)
{
    atomic_store(&g.store.segment->sweep_next, 0);
    push_store_sweep_due(&g.store, &g.now);
}

/* ---- processes that are killed ---- */

/* To a user of its own, and to one whom all have: their shard is locked. */
static void say_one(said_t *mine, unsigned number)
{
    char own[16];

    snprintf(own, sizeof(own), "own%u", number);
    if (fixture_publish(&g, PUSH_LOG_USER, number % 2 ? own : "all", "x",
                        PUSH_NORMAL)
        == PUSH_OK) {
        mine->published++;
    }
}

static int work(void *data)
{
    const unsigned number = *(const unsigned *)data;
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());
    push_stream_ref_t nobody = {0};
    said_t *mine = &said[number];

    CHILD_NEEDS(seat > 0);
    push_store_sit(&g.store, (unsigned)seat);
    for (;;) {
        say_one(mine, number);
        fixture_written(&g, &nobody, (unsigned)seat, 1, 1);
        mine->delivered++;
    }
}

static void nothing_fell(uint64_t *before)
{
    uint64_t sums[PUSH_COUNTS];

    push_store_counts(&g.store, sums);
    for (int i = 0; i < PUSH_COUNTS; i++) {
        NEEDS(sums[i] >= before[i], "cell %d fell", i);
        before[i] = sums[i];
    }
}

/* One process a place; the oldest is killed, and another takes its place. */
static void kill_them_in_turn(uint64_t *sums)
{
    unsigned numbers[PROCESSES] = {0, 1, 2, 3};
    pid_t pids[PROCESSES];
    dice_t d = dice(7);

    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = child_start(work, &numbers[i]);
    }
    for (unsigned i = 0; i < KILLS; i++) {
        unsigned which = i % PROCESSES;

        usleep(500 + dice_below(&d, 3000));
        nothing_fell(sums);
        child_kill(pids[which]);
        nothing_fell(sums);
        if (i % 3 == 0) {
            sweep();
        }
        pids[which] = child_start(work, &numbers[which]);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        child_kill(pids[i]);
    }
    sweep();
    nothing_fell(sums);
}

START_TEST(what_was_counted_adds_up_though_who_counts_is_killed)
{
    uint64_t sums[PUSH_COUNTS] = {0}, published = 0, delivered = 0;

    kill_them_in_turn(sums);
    for (unsigned i = 0; i < PROCESSES; i++) {
        published += said[i].published;
        delivered += said[i].delivered;
    }
    ck_assert_uint_gt(published, 0);
    ck_assert_uint_gt(delivered, 0);
    ck_assert_uint_ge(push_total_of(sums, PUSH_TOTAL_PUBLISHED), published);
    ck_assert_uint_le(push_total_of(sums, PUSH_TOTAL_PUBLISHED),
                      published + KILLS + PROCESSES);
    ck_assert_uint_ge(push_total_of(sums, PUSH_TOTAL_DELIVERED), delivered);
    ck_assert_uint_le(push_total_of(sums, PUSH_TOTAL_DELIVERED),
                      delivered + KILLS + PROCESSES);
}
END_TEST

/* ---- seats ---- */

static void count_in(int seat, unsigned messages)
{
    const push_stream_ref_t nobody = {0};

    fixture_written(&g, &nobody, (unsigned)seat, messages, 1);
}

static int sit_count_and_die(void *data)
{
    int seat = push_seat_claim(&g.store.seats, (uint32_t)getpid());

    CHILD_NEEDS(seat == *(const int *)data);
    count_in(seat, 5);
    raise(SIGKILL);
    return 0;
}

START_TEST(a_seat_goes_on_counting_where_the_dead_one_stopped)
{
    int second = 1, status;
    pid_t pid;

    count_in(0, 3);
    pid = child_start(sit_count_and_die, &second);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_DELIVERED), 8);
    sweep();
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_DELIVERED), 8);
    ck_assert_int_eq(push_seat_claim(&g.store.seats, (uint32_t)getpid()), 1);
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_DELIVERED), 8);
    count_in(1, 1);
    push_seat_leave(&g.store.seats, 1);
    sweep();
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_DELIVERED), 9);
}
END_TEST

/* ---- the table ---- */

START_TEST(stats_are_the_sums_and_each_counter_has_its_name)
{
    push_stats_view_t stats;

    fixture_publish(&g, PUSH_LOG_USER, "a", "x", PUSH_NORMAL);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "x", PUSH_NORMAL);
    fixture_publish(&g, PUSH_LOG_BROADCAST, NULL, "x", PUSH_NORMAL);
    count_in(0, 2);
    push_view_stats(&g.store, &stats);
    ck_assert_uint_eq(stats.counts[PUSH_TOTAL_PUBLISHED], 3);
    ck_assert_uint_eq(stats.counts[PUSH_TOTAL_DELIVERED], 2);
    ck_assert_uint_eq(stats.counts[PUSH_TOTAL_ACKED], 0);
    ck_assert_str_eq(push_total_name(PUSH_TOTAL_PUBLISHED), "published");
    ck_assert_str_eq(push_total_name(PUSH_TOTALS - 1), "filtered");
}
END_TEST

START_TEST(a_full_mailbox_counts_what_it_refused_as_such)
{
    push_stream_ref_t stream_ref;

    g.store.limits.max_pending = 1;
    ck_assert_int_eq(fixture_checkin(&g, "a", "d", NULL, &stream_ref),
                     PUSH_OK);
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "a", "x", PUSH_HIGH),
                     PUSH_OK);
    ck_assert_int_eq(fixture_publish(&g, PUSH_LOG_USER, "a", "y", PUSH_LOW),
                     PUSH_MAILBOX_FULL);
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_PUBLISHED), 1);
    ck_assert_uint_eq(fixture_count(&g, PUSH_TOTAL_REFUSED), 1);
}
END_TEST

/* All shards are locked; who waits for a lock gives up after half a second. */
START_TEST(figures_are_the_stats_but_the_messages_and_wait_for_no_lock)
{
    push_stats_view_t stats, figures;
    int64_t begun;

    fixture_publish(&g, PUSH_LOG_USER, "a", "x", PUSH_NORMAL);
    fixture_publish(&g, PUSH_LOG_CHANNEL, "c", "x", PUSH_NORMAL);
    count_in(0, 2);
    push_view_stats(&g.store, &stats);
    ck_assert_uint_eq(stats.messages, 2);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        ck_assert(push_shard_enter(&g.store, i));
    }
    begun = push_clock_now().mono;
    push_view_figures(&g.store, &figures);
    ck_assert_int_lt(push_clock_now().mono - begun, 32 * 500);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_shard_leave(&g.store, i);
    }
    stats.messages = 0;
    ck_assert_uint_eq(figures.users, 1);
    ck_assert_uint_eq(figures.channels, 1);
    ck_assert_mem_eq(&figures, &stats, sizeof(stats));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("counts");
    TCase *tc = unit_case(suite, "counts", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, what_was_counted_adds_up_though_who_counts_is_killed);
    tcase_add_test(tc, a_seat_goes_on_counting_where_the_dead_one_stopped);
    tcase_add_test(tc, stats_are_the_sums_and_each_counter_has_its_name);
    tcase_add_test(
        tc, figures_are_the_stats_but_the_messages_and_wait_for_no_lock);
    tcase_add_test(tc, a_full_mailbox_counts_what_it_refused_as_such);
    return unit_run(suite);
}
