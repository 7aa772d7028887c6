/*
 * runner.c - a loop on a thread of its own, by poll.
 *
 * The timer of the loop counts the time that the machine sleeps too, so that a
 * client acts at once when the machine wakes up.
 */
#include "runner.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct pushc_runner {
    const struct pushc_mem *mem; /* borrowed */
    struct pushc_driven driven;
    pthread_t thread;
    int running; /* there is a thread to be joined */

    /* ---- the runner's thread, and before it starts ---- */
    int over;           /* nothing more is called */
    struct pollfd *fds; /* the first is the timer's */
    nfds_t count, room;
};

static int grow(struct pushc_runner *r)
{
    nfds_t room = r->room ? r->room * 2 : 8;
    struct pollfd *p = pushc_mem_realloc(r->mem, r->fds, room * sizeof(*p));

    if (!p) {
        return PUSHC_ERR_MEMORY;
    }
    r->fds = p;
    r->room = room;
    return PUSHC_OK;
}

static struct pollfd *find(struct pushc_runner *r, int fd)
{
    nfds_t i;

    for (i = 1; i < r->count; i++) {
        if (r->fds[i].fd == fd) {
            return &r->fds[i];
        }
    }
    return NULL;
}

static int watch(void *ctx, pushc_source *source, int fd, int what)
{
    struct pushc_runner *r = ctx;
    struct pollfd *p = find(r, fd);

    (void)source;
    if (!what) {
        if (p) {
            *p = r->fds[--r->count];
        }
        return 0;
    }
    if (!p) {
        if (r->count == r->room && grow(r) != PUSHC_OK) {
            return -1;
        }
        p = &r->fds[r->count++];
        p->fd = fd;
        p->revents = 0;
    }
    p->events = (short)((what & PUSHC_READ ? POLLIN : 0)
                        | (what & PUSHC_WRITE ? POLLOUT : 0));
    return 0;
}

static int timer(void *ctx, pushc_source *source, long ms)
{
    struct pushc_runner *r = ctx;
    struct itimerspec when;

    (void)source;
    memset(&when, 0, sizeof(when));
    if (ms >= 0) {
        when.it_value.tv_sec = ms / 1000;
        when.it_value.tv_nsec = ms % 1000 * 1000000 + (ms == 0);
    }
    return timerfd_settime(r->fds[0].fd, 0, &when, NULL);
}

static void destroy(void *ctx)
{
    struct pushc_runner *r = ctx;

    if (r->count > 0) {
        close(r->fds[0].fd);
    }
    pushc_mem_free(r->mem, r->fds);
    pushc_mem_free(r->mem, r);
}

int pushc_runner_create(const struct pushc_mem *mem,
                        const struct pushc_driven *driven, pushc_loop *loop,
                        struct pushc_runner **out)
{
    struct pushc_runner *r = pushc_mem_zalloc(mem, sizeof(*r));
    int fd;

    if (!r) {
        return PUSHC_ERR_MEMORY;
    }
    r->mem = mem;
    r->driven = *driven;
    if (grow(r) != PUSHC_OK) {
        destroy(r);
        return PUSHC_ERR_MEMORY;
    }
    fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) {
        destroy(r);
        return PUSHC_ERR_SYSTEM;
    }
    r->fds[0].fd = fd;
    r->fds[0].events = POLLIN;
    r->count = 1;
    loop->size = sizeof(*loop);
    loop->ctx = r;
    loop->watch = watch;
    loop->timer = timer;
    loop->closed = destroy;
    *out = r;
    return PUSHC_OK;
}

/* Hand over what poll found. Meanwhile descriptors come and go: one that goes
 * leaves its place to the last, which had its turn, as this goes downwards. */
static void dispatch(struct pushc_runner *r)
{
    nfds_t i;

    for (i = r->count - 1; i > 0 && !r->over; i--) {
        short events = i < r->count ? r->fds[i].revents : 0;
        int what = (events & (POLLIN | POLLHUP | POLLERR) ? PUSHC_READ : 0)
                   | (events & (POLLOUT | POLLERR) ? PUSHC_WRITE : 0);

        if (what) {
            r->fds[i].revents = 0;
            r->driven.ready(r->driven.ctx, r->fds[i].fd, what);
        }
    }
}

static void *run(void *ctx)
{
    struct pushc_runner *r = ctx;
    uint64_t ticks;

    while (!r->over) {
        if (poll(r->fds, r->count, -1) <= 0) {
            continue;
        }
        dispatch(r);
        if (!r->over && (r->fds[0].revents & POLLIN)
            && read(r->fds[0].fd, &ticks, sizeof(ticks)) == sizeof(ticks)) {
            r->driven.timeout(r->driven.ctx);
        }
    }
    return NULL;
}

int pushc_runner_start(struct pushc_runner *r)
{
    sigset_t all, old;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    r->running = !failed;
    return failed ? PUSHC_ERR_SYSTEM : PUSHC_OK;
}

void pushc_runner_end(struct pushc_runner *r)
{
    r->over = 1;
}

void pushc_runner_join(struct pushc_runner *r)
{
    if (r->running) {
        pthread_join(r->thread, NULL);
        r->running = 0;
    }
}
