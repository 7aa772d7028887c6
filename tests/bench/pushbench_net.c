#include "pushbench_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t pb_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

int pb_connect_begin(const struct sockaddr_in *server, unsigned source)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0) {
        return -1;
    }
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + source);
    /* the port is chosen at connect: one address has 28,000 a peer */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0
        || (connect(fd, (const struct sockaddr *)server, sizeof *server) != 0
            && errno != EINPROGRESS)) {
        int failure = errno;

        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

int pb_connect_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return errno;
    }
    return error;
}

bool pb_watch(int epoll, int fd, uint32_t events, void *baton)
{
    struct epoll_event event = {.events = events, .data.ptr = baton};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool pb_rewatch(int epoll, int fd, uint32_t events, void *baton)
{
    struct epoll_event event = {.events = events, .data.ptr = baton};

    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0;
}

int pb_wait(int epoll, struct epoll_event *events, int max, uint64_t wait_ns)
{
    struct timespec wait = {
        .tv_sec = (time_t)(wait_ns / UINT64_C(1000000000)),
        .tv_nsec = (long)(wait_ns % UINT64_C(1000000000)),
    };
    int count = epoll_pwait2(epoll, events, max, &wait, NULL);

    return count < 0 ? 0 : count;
}
