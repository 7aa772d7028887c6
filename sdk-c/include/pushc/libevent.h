/*
 * pushc/libevent.h - run clients and publishers in a libevent loop.
 *
 *     pushc_loop loop;
 *     pushc_options options = PUSHC_OPTIONS_INIT;
 *     if (pushc_libevent_loop(base, &loop) == 0) options.loop = &loop;
 *
 * One pushc_loop for each handle: destroying the handle frees it. If making
 * the handle fails, call pushc_libevent_free(&loop).
 */
#ifndef PUSHC_LIBEVENT_H
#define PUSHC_LIBEVENT_H

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "../pushc.h"

struct pushc_libevent_fd {
    struct pushc_libevent *owner;
    struct pushc_libevent_fd *next;
    struct event *event;
    int fd;
};

struct pushc_libevent {
    struct event_base *base;
    pushc_source *source;
    struct event *timer;
    struct pushc_libevent_fd *fds;
};

static void pushc_libevent_on_fd(evutil_socket_t fd, short what, void *ctx)
{
    struct pushc_libevent_fd *f = (struct pushc_libevent_fd *)ctx;

    pushc_source_ready(f->owner->source, (int)fd,
                       (what & EV_READ ? PUSHC_READ : 0)
                           | (what & EV_WRITE ? PUSHC_WRITE : 0));
}

static void pushc_libevent_on_time(evutil_socket_t fd, short what, void *ctx)
{
    struct pushc_libevent *l = (struct pushc_libevent *)ctx;

    (void)fd;
    (void)what;
    pushc_source_timeout(l->source);
}

static void pushc_libevent_forget(struct pushc_libevent *l, int fd)
{
    struct pushc_libevent_fd **at = &l->fds;

    while (*at && (*at)->fd != fd) {
        at = &(*at)->next;
    }
    if (*at) {
        struct pushc_libevent_fd *f = *at;

        *at = f->next;
        event_free(f->event);
        free(f);
    }
}

static int pushc_libevent_watch(void *ctx, pushc_source *source, int fd,
                                int what)
{
    struct pushc_libevent *l = (struct pushc_libevent *)ctx;
    struct pushc_libevent_fd *f;

    l->source = source;
    pushc_libevent_forget(l, fd);
    if (!what) {
        return 0;
    }
    f = (struct pushc_libevent_fd *)calloc(1, sizeof(*f));
    if (!f) {
        return -1;
    }
    f->owner = l;
    f->fd = fd;
    f->event = event_new(l->base, fd,
                         (short)(EV_PERSIST | (what & PUSHC_READ ? EV_READ : 0)
                                 | (what & PUSHC_WRITE ? EV_WRITE : 0)),
                         pushc_libevent_on_fd, f);
    if (!f->event || event_add(f->event, NULL) != 0) {
        if (f->event) {
            event_free(f->event);
        }
        free(f);
        return -1;
    }
    f->next = l->fds;
    l->fds = f;
    return 0;
}

static int pushc_libevent_timer(void *ctx, pushc_source *source, long ms)
{
    struct pushc_libevent *l = (struct pushc_libevent *)ctx;
    struct timeval tv;

    l->source = source;
    if (ms < 0) {
        return event_del(l->timer);
    }
    tv.tv_sec = ms / 1000;
    tv.tv_usec = (ms % 1000) * 1000;
    return event_add(l->timer, &tv);
}

static void pushc_libevent_closed(void *ctx)
{
    struct pushc_libevent *l = (struct pushc_libevent *)ctx;

    while (l->fds) {
        pushc_libevent_forget(l, l->fds->fd);
    }
    event_free(l->timer);
    free(l);
}

/* Fill in loop for one handle. 0, or -1 without memory. */
static inline int pushc_libevent_loop(struct event_base *base,
                                      pushc_loop *loop)
{
    struct pushc_libevent *l = (struct pushc_libevent *)calloc(1, sizeof(*l));

    if (!l) {
        return -1;
    }
    l->base = base;
    l->timer = evtimer_new(base, pushc_libevent_on_time, l);
    if (!l->timer) {
        free(l);
        return -1;
    }
    memset(loop, 0, sizeof(*loop));
    loop->size = sizeof(*loop);
    loop->ctx = l;
    loop->watch = pushc_libevent_watch;
    loop->timer = pushc_libevent_timer;
    loop->closed = pushc_libevent_closed;
    return 0;
}

/* Free a loop that no handle took. */
static inline void pushc_libevent_free(pushc_loop *loop)
{
    pushc_libevent_closed(loop->ctx);
}

#endif
