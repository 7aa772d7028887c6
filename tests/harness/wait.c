#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

int64_t wait_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool wait_socket(int fd, short events, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};

    for (;;) {
        int64_t left = deadline - wait_now();
        int n = poll(&p, 1, left > 0 ? (int)left : 0);

        if (n > 0) {
            return true;
        }
        if (n == 0 || errno != EINTR) {
            return false;
        }
    }
}

void wait_a_little(void)
{
    poll(NULL, 0, 4);
}
