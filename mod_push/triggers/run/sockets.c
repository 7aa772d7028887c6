#include "triggers/run/sockets.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/shm/clock.h"

#define EVENTS_MAX 64

/* ---- what libcurl asks for ---- */

static int watch(CURL *easy, curl_socket_t fd, int what, void *data,
                 void *socket_data)
{
    const push_sockets_t *sockets = data;
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0)
                                          | (what & CURL_POLL_OUT ? EPOLLOUT
                                                                  : 0),
                                .data.fd = fd};

    (void)easy;
    (void)socket_data;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(sockets->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, fd, &event)
        && (errno != EEXIST
            || epoll_ctl(sockets->epoll, EPOLL_CTL_MOD, fd, &event))) {
        return -1;
    }
    return 0;
}

static int set_due(CURLM *multi, long ms, void *data)
{
    push_sockets_t *sockets = data;

    (void)multi;
    /* Its clock has finer steps than ours, and it asks but once. */
    sockets->due = ms < 0 ? INT64_MAX
                          : push_clock_now().mono + ms + (ms > 0 ? 1 : 0);
    return 0;
}

/* ---- start and end ---- */

static bool add(const push_sockets_t *sockets, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return !epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, fd, &event);
}

bool push_sockets_init(push_sockets_t *sockets, CURLM *multi, int inlets)
{
    *sockets = (push_sockets_t){.multi = multi,
                                .epoll = epoll_create1(EPOLL_CLOEXEC),
                                .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                .inlets = inlets,
                                .due = INT64_MAX};
    if (sockets->epoll < 0 || sockets->bell < 0 || !add(sockets, sockets->bell)
        || !add(sockets, inlets)) {
        return false;
    }
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_due);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sockets);
    return true;
}

void push_sockets_cleanup(push_sockets_t *sockets)
{
    if (sockets->epoll >= 0) {
        close(sockets->epoll);
    }
    if (sockets->bell >= 0) {
        close(sockets->bell);
    }
    sockets->epoll = -1;
    sockets->bell = -1;
}

void push_sockets_ring(const push_sockets_t *sockets)
{
    static const uint64_t one = 1;
    int kept = errno;

    /* One that is full rings already. */
    if (write(sockets->bell, &one, sizeof(one)) < 0) {
        errno = kept;
    }
}

void push_sockets_forget_inlets(push_sockets_t *sockets)
{
    if (sockets->inlets >= 0) {
        epoll_ctl(sockets->epoll, EPOLL_CTL_DEL, sockets->inlets, NULL);
        sockets->inlets = -1;
    }
}

/* ---- a turn ---- */

/* It may set the next moment. */
static void call_when_due(push_sockets_t *sockets)
{
    int running;

    if (push_clock_now().mono >= sockets->due) {
        sockets->due = INT64_MAX;
        curl_multi_socket_action(sockets->multi, CURL_SOCKET_TIMEOUT, 0,
                                 &running);
    }
}

static int patience(const push_sockets_t *sockets, int64_t until)
{
    int64_t now = push_clock_now().mono;

    until = until < sockets->due ? until : sockets->due;
    return until > now ? (int)(until - now) : 0;
}

static void take(push_sockets_t *sockets, const struct epoll_event *event)
{
    int ready =
        (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0)
        | (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
    uint64_t rings;
    int running;

    if (event->data.fd == sockets->inlets) {
        return;
    }
    if (event->data.fd == sockets->bell) {
        while (read(sockets->bell, &rings, sizeof(rings)) < 0
               && errno == EINTR) {
        }
        return;
    }
    curl_multi_socket_action(sockets->multi, event->data.fd, ready, &running);
}

void push_sockets_turn(push_sockets_t *sockets, int64_t until)
{
    struct epoll_event events[EVENTS_MAX];
    int count;

    call_when_due(sockets);
    count = epoll_wait(sockets->epoll, events, EVENTS_MAX,
                       patience(sockets, until));
    for (int i = 0; i < count; i++) {
        take(sockets, &events[i]);
    }
    call_when_due(sockets);
}
