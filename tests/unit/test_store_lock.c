#include "store/shm/lock.h"
#include "core_suite.h"
#include "store_shared.h"
#include "store/shm/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 100000

typedef struct {
    push_lock_t lock;
    _Atomic int held;
    long count; /* with the lock */
} shared_t;

static shared_t *shared;

static void begin(void)
{
    shared = shared_memory(sizeof(*shared));
    ck_assert_int_eq(push_lock_init(&shared->lock), 0);
}

static int hold_for_ever(void *data)
{
    (void)data;
    CHILD_NEEDS(push_lock_acquire(&shared->lock) == PUSH_LOCKED);
    atomic_store(&shared->held, 1);
    for (;;) {
        pause();
    }
}

static pid_t start_holder(void)
{
    pid_t pid = child_start(hold_for_ever, NULL);

    while (!atomic_load(&shared->held)) {
        ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
    }
    return pid;
}

static int64_t now_ms(void)
{
    return push_clock_now().mono;
}

START_TEST(the_next_owner_is_told_once_that_the_last_one_died)
{
    child_kill(start_holder());
    ck_assert_int_eq(push_lock_acquire(&shared->lock),
                     PUSH_LOCKED_AFTER_DEATH);
    push_lock_release(&shared->lock);
    ck_assert_int_eq(push_lock_acquire(&shared->lock), PUSH_LOCKED);
    push_lock_release(&shared->lock);
}
END_TEST

/* Waits are bounded: others may take longer where the machine is busy. */
static push_lock_status_t acquire_in_the_end(void)
{
    push_lock_status_t status;

    do {
        status = push_lock_acquire(&shared->lock);
    } while (status == PUSH_LOCK_BUSY);
    return status;
}

START_TEST(whoever_waits_for_an_owner_that_dies_gets_the_lock)
{
    pid_t pid = start_holder();
    pid_t killer = fork();

    if (!killer) {
        struct timespec brief = {0, 50000000};

        nanosleep(&brief, NULL);
        kill(pid, SIGKILL);
        _exit(0);
    }
    ck_assert_int_eq(acquire_in_the_end(), PUSH_LOCKED_AFTER_DEATH);
    child_expect(killer);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(an_owner_that_stopped_keeps_others_for_a_bounded_time)
{
    pid_t pid = start_holder();
    int64_t before = now_ms();

    kill(pid, SIGSTOP);
    ck_assert_int_eq(push_lock_acquire(&shared->lock), PUSH_LOCK_BUSY);
    ck_assert_int_ge(now_ms() - before, PUSH_LOCK_WAIT_MS - 1);
    child_kill(pid);
    ck_assert_int_eq(push_lock_acquire(&shared->lock),
                     PUSH_LOCKED_AFTER_DEATH);
}
END_TEST

static int count_up(void *data)
{
    (void)data;
    for (int i = 0; i < ROUNDS; i++) {
        CHILD_NEEDS(acquire_in_the_end() == PUSH_LOCKED);
        shared->count++;
        push_lock_release(&shared->lock);
    }
    return 0;
}

START_TEST(processes_that_count_under_the_lock_count_right)
{
    pid_t pids[3];

    for (int i = 0; i < 3; i++) {
        pids[i] = child_start(count_up, NULL);
    }
    for (int i = 0; i < 3; i++) {
        child_expect(pids[i]);
    }
    ck_assert_int_eq(shared->count, 3 * ROUNDS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lock");
    TCase *tc = unit_case(suite, "lock", 60);

    tcase_add_checked_fixture(tc, begin, NULL);
    tcase_add_test(tc, the_next_owner_is_told_once_that_the_last_one_died);
    tcase_add_test(tc, whoever_waits_for_an_owner_that_dies_gets_the_lock);
    tcase_add_test(tc, an_owner_that_stopped_keeps_others_for_a_bounded_time);
    tcase_add_test(tc, processes_that_count_under_the_lock_count_right);
    return unit_run(suite);
}
