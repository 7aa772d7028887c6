/*
 * pushc/uv.h - run clients and publishers in a libuv loop.
 *
 *     pushc_loop loop;
 *     pushc_options options = PUSHC_OPTIONS_INIT;
 *     if (pushc_uv_loop(uv_default_loop(), &loop) == 0) options.loop = &loop;
 *
 * One pushc_loop for each handle: destroying the handle closes its libuv
 * handles, which libuv needs one more turn of the loop for. If making the
 * handle fails, call pushc_uv_free(&loop).
 */
#ifndef PUSHC_UV_H
#define PUSHC_UV_H

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "../pushc.h"

struct pushc_uv_fd {
    uv_poll_t poll; /* first: libuv gives it back */
    struct pushc_uv *owner;
    struct pushc_uv_fd *next;
    int fd;
};

struct pushc_uv {
    uv_timer_t timer; /* first: libuv gives it back */
    uv_loop_t *loop;
    pushc_source *source;
    struct pushc_uv_fd *fds;
};

static void pushc_uv_on_fd(uv_poll_t *poll, int status, int events)
{
    struct pushc_uv_fd *f = (struct pushc_uv_fd *)poll;
    int what = status < 0 ? PUSHC_READ | PUSHC_WRITE
                          : (events & UV_READABLE ? PUSHC_READ : 0)
                                | (events & UV_WRITABLE ? PUSHC_WRITE : 0);

    pushc_source_ready(f->owner->source, f->fd, what);
}

static void pushc_uv_on_time(uv_timer_t *timer)
{
    pushc_source_timeout(((struct pushc_uv *)timer)->source);
}

static void pushc_uv_free_handle(uv_handle_t *handle)
{
    free(handle);
}

static struct pushc_uv_fd *pushc_uv_find(struct pushc_uv *l, int fd)
{
    struct pushc_uv_fd *f = l->fds;

    while (f && f->fd != fd) {
        f = f->next;
    }
    return f;
}

static void pushc_uv_forget(struct pushc_uv *l, struct pushc_uv_fd *f)
{
    struct pushc_uv_fd **at = &l->fds;

    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    uv_poll_stop(&f->poll);
    uv_close((uv_handle_t *)&f->poll, pushc_uv_free_handle);
}

static struct pushc_uv_fd *pushc_uv_add(struct pushc_uv *l, int fd)
{
    struct pushc_uv_fd *f = (struct pushc_uv_fd *)calloc(1, sizeof(*f));

    if (!f) {
        return NULL;
    }
    if (uv_poll_init(l->loop, &f->poll, fd) != 0) {
        free(f);
        return NULL;
    }
    f->owner = l;
    f->fd = fd;
    f->next = l->fds;
    l->fds = f;
    return f;
}

static int pushc_uv_watch(void *ctx, pushc_source *source, int fd, int what)
{
    struct pushc_uv *l = (struct pushc_uv *)ctx;
    struct pushc_uv_fd *f = pushc_uv_find(l, fd);

    l->source = source;
    if (!what) {
        if (f) {
            pushc_uv_forget(l, f);
        }
        return 0;
    }
    if (!f) {
        f = pushc_uv_add(l, fd);
    }
    return f ? uv_poll_start(&f->poll,
                             (what & PUSHC_READ ? UV_READABLE : 0)
                                 | (what & PUSHC_WRITE ? UV_WRITABLE : 0),
                             pushc_uv_on_fd)
             : -1;
}

static int pushc_uv_timer(void *ctx, pushc_source *source, long ms)
{
    struct pushc_uv *l = (struct pushc_uv *)ctx;

    l->source = source;
    if (ms < 0) {
        return uv_timer_stop(&l->timer);
    }
    uv_update_time(l->loop);
    return uv_timer_start(&l->timer, pushc_uv_on_time, (uint64_t)ms, 0);
}

static void pushc_uv_closed(void *ctx)
{
    struct pushc_uv *l = (struct pushc_uv *)ctx;

    while (l->fds) {
        pushc_uv_forget(l, l->fds);
    }
    uv_close((uv_handle_t *)&l->timer, pushc_uv_free_handle);
}

/* Fill in loop for one handle. 0, or -1 without memory. */
static inline int pushc_uv_loop(uv_loop_t *uv, pushc_loop *loop)
{
    struct pushc_uv *l = (struct pushc_uv *)calloc(1, sizeof(*l));

    if (!l) {
        return -1;
    }
    l->loop = uv;
    uv_timer_init(uv, &l->timer);
    memset(loop, 0, sizeof(*loop));
    loop->size = sizeof(*loop);
    loop->ctx = l;
    loop->watch = pushc_uv_watch;
    loop->timer = pushc_uv_timer;
    loop->closed = pushc_uv_closed;
    return 0;
}

/* Free a loop that no handle took. */
static inline void pushc_uv_free(pushc_loop *loop)
{
    pushc_uv_closed(loop->ctx);
}

#endif
