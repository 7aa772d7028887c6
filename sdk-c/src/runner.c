/*
 * runner.c - a loop on a thread of its own, by epoll.
 *
 * The timer of the loop counts the time that the machine sleeps too, so that a
 * client acts at once when the machine wakes up.
 */
#include "runner.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct pushc_runner {
    const struct pushc_mem *mem; /* borrowed */
    struct pushc_driven driven;
    pthread_t thread;
    int running; /* there is a thread to be joined */

    /* ---- the runner's thread, and before it starts ---- */
    int over; /* nothing more is called */
    int epoll, timer;
};

static int watch(void *ctx, pushc_source *source, int fd, int what)
{
    struct pushc_runner *r = ctx;
    struct epoll_event e = {.data.fd = fd};

    (void)source;
    e.events = (what & PUSHC_READ ? EPOLLIN : 0u)
               | (what & PUSHC_WRITE ? EPOLLOUT : 0u);
    if (!what) {
        epoll_ctl(r->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    return epoll_ctl(r->epoll, EPOLL_CTL_MOD, fd, &e) == 0
                   || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) == 0
               ? 0
               : -1;
}

static int timer(void *ctx, pushc_source *source, long ms)
{
    struct pushc_runner *r = ctx;
    struct itimerspec when = {.it_value = {0, 0}};

    (void)source;
    if (ms >= 0) {
        when.it_value.tv_sec = ms / 1000;
        when.it_value.tv_nsec = ms % 1000 * 1000000 + (ms == 0);
    }
    return timerfd_settime(r->timer, 0, &when, NULL);
}

static void destroy(void *ctx)
{
    struct pushc_runner *r = ctx;

    if (r->timer >= 0) {
        close(r->timer);
    }
    if (r->epoll >= 0) {
        close(r->epoll);
    }
    pushc_mem_free(r->mem, r);
}

int pushc_runner_create(const struct pushc_mem *mem,
                        const struct pushc_driven *driven, pushc_loop *loop,
                        struct pushc_runner **out)
{
    struct pushc_runner *r = pushc_mem_zalloc(mem, sizeof(*r));

    if (!r) {
        return PUSHC_ERR_MEMORY;
    }
    r->mem = mem;
    r->driven = *driven;
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (r->epoll < 0 || r->timer < 0
        || watch(r, driven->source, r->timer, PUSHC_READ) != 0) {
        destroy(r);
        return PUSHC_ERR_SYSTEM;
    }
    *loop = (pushc_loop){sizeof(*loop), r, watch, timer, destroy};
    *out = r;
    return PUSHC_OK;
}

static void dispatch(struct pushc_runner *r, const struct epoll_event *e)
{
    uint64_t ticks;

    if (e->data.fd != r->timer) {
        r->driven.ready(
            r->driven.source, e->data.fd,
            (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? PUSHC_READ : 0)
                | (e->events & (EPOLLOUT | EPOLLERR) ? PUSHC_WRITE : 0));
    }
    else if (read(r->timer, &ticks, sizeof(ticks)) == sizeof(ticks)) {
        r->driven.timeout(r->driven.source);
    }
}

/* One event at a time: what one leads to may close the descriptors of others.
 * They take turns all the same, since epoll puts each behind the others. */
static void *run(void *ctx)
{
    struct pushc_runner *r = ctx;
    struct epoll_event e;

    while (!r->over) {
        if (epoll_wait(r->epoll, &e, 1, -1) == 1) {
            dispatch(r, &e);
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
