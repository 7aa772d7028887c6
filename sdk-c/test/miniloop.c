/* miniloop.c - a loop for one handle, with a clock that the test owns. */
#include "miniloop.h"

#include <string.h>

#include "scripted.h"

uint64_t mini_now(const struct mini *m)
{
    return 1000000 + m->jumped + (now_ms() - m->start) * m->factor;
}

void mini_sleep(struct mini *m, uint64_t ms)
{
    m->jumped += ms;
}

void mini_skip(struct mini *m)
{
    uint64_t now = mini_now(m);

    if (m->armed && m->due > now) {
        m->jumped += m->due - now;
    }
}

static int watch(void *ctx, pushc_source *source, int fd, int what)
{
    struct mini *m = ctx;
    int i = 0;

    m->source = source;
    while (i < m->count && m->fds[i].fd != fd) {
        i++;
    }
    if (!what) {
        if (i < m->count) {
            m->fds[i] = m->fds[--m->count];
        }
        return 0;
    }
    if (i == MINI_FDS) {
        return -1;
    }
    m->count += i == m->count;
    m->fds[i].fd = fd;
    m->fds[i].events = (short)((what & PUSHC_READ ? POLLIN : 0)
                               | (what & PUSHC_WRITE ? POLLOUT : 0));
    return 0;
}

static int timer(void *ctx, pushc_source *source, long ms)
{
    struct mini *m = ctx;

    m->source = source;
    m->armed = ms >= 0;
    m->due = mini_now(m) + (uint64_t)(ms >= 0 ? ms : 0);
    return 0;
}

static void closed(void *ctx)
{
    struct mini *m = ctx;

    m->closed++;
}

void mini_init(struct mini *m, unsigned factor)
{
    memset(m, 0, sizeof(*m));
    m->start = now_ms();
    m->factor = factor;
    m->loop.size = sizeof(m->loop);
    m->loop.ctx = m;
    m->loop.watch = watch;
    m->loop.timer = timer;
    m->loop.closed = closed;
}

static void check_timer(struct mini *m)
{
    if (m->armed && mini_now(m) >= m->due) {
        m->armed = 0;
        pushc_source_timeout(m->source);
    }
}

static void turn(struct mini *m)
{
    uint64_t now = mini_now(m);
    int wait = !m->armed       ? 20
               : m->due <= now ? 0
                               : (int)((m->due - now) / m->factor);
    struct pollfd ready[MINI_FDS];
    int count = m->count, i;

    if (m->timer_first) {
        check_timer(m);
        count = m->count;
    }
    memcpy(ready, m->fds, sizeof(ready));
    poll(ready, (nfds_t)count, wait > 20 ? 20 : wait);
    for (i = 0; i < count; i++) {
        short events = ready[i].revents;

        if (events) {
            pushc_source_ready(
                m->source, ready[i].fd,
                (events & (POLLIN | POLLHUP | POLLERR) ? PUSHC_READ : 0)
                    | (events & (POLLOUT | POLLERR) ? PUSHC_WRITE : 0));
        }
    }
    check_timer(m);
}

int mini_run(struct mini *m, int (*done)(void *ctx), void *ctx, int real_ms)
{
    uint64_t end = now_ms() + (uint64_t)real_ms;

    while (!done(ctx)) {
        if (now_ms() >= end) {
            return -1;
        }
        turn(m);
    }
    return 0;
}
