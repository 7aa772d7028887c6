#include "store/shm/bell.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Who counts itself too late for this has not slept yet: the word differs. */
void push_bell_ring(push_bell_t *bell)
{
    atomic_fetch_add(&bell->rung, 1);
    if (atomic_load(&bell->sleepers)) {
        syscall(SYS_futex, &bell->rung, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    }
}

void push_bell_wait(push_bell_t *bell, uint32_t seen, int64_t ms)
{
    struct timespec most = {.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * 1000000};

    if (ms <= 0) {
        return;
    }
    atomic_fetch_add(&bell->sleepers, 1);
    syscall(SYS_futex, &bell->rung, FUTEX_WAIT, seen, &most, NULL, 0);
    atomic_fetch_sub(&bell->sleepers, 1);
}
