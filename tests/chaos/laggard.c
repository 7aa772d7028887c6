#include "laggard.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"

#define PACE 20 /* connects a tick */

static const char head[] =
    "POST /push/messages?user=nobody HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Length: 60000\r\nX-Slow: ";

struct laggard {
    struct loop_source source;
    struct laggards *all;
    int fd;
    bool greeted; /* what comes at once was sent */
    int64_t due;
};

static void hang_up(struct laggard *g)
{
    if (g->fd >= 0) {
        close(g->fd);
        g->fd = -1;
    }
}

static void call(struct laggard *g)
{
    g->fd = dial_begin(g->all->server->port);
    g->greeted = false;
    g->all->begun++;
    if (g->fd >= 0) {
        loop_watch(g->all->loop, g->fd, EPOLLIN | EPOLLRDHUP, &g->source);
    }
}

static void say(struct laggard *g, const char *text)
{
    if (send(g->fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno != EAGAIN) {
        g->all->turned++;
        hang_up(g);
    }
}

/* The server answers 408, or hangs up. */
static void on_ready(struct loop_source *source, uint32_t events)
{
    struct laggard *g = (struct laggard *)source;
    char answer[1024];

    (void)events;
    if (g->fd >= 0 && recv(g->fd, answer, sizeof(answer), 0) >= 0) {
        g->all->turned++;
        hang_up(g);
    }
}

static void speak(struct laggard *g)
{
    if (g->all->kind == LAGGARD_MUTE) {
        return;
    }
    if (!g->greeted) {
        g->greeted = true;
        say(g, head);
        if (g->all->kind == LAGGARD_BODY && g->fd >= 0) {
            say(g, "no\r\n\r\n");
        }
        return;
    }
    say(g, "x");
}

static void tick(struct loop_actor *actor, int64_t now)
{
    struct laggards *l =
        (struct laggards *)((char *)actor - offsetof(struct laggards, actor));
    int i, last = l->started + PACE;

    for (i = l->started; i < last && i < l->count; i++) {
        l->each[i].due = now;
    }
    l->started = i;
    for (i = 0; i < l->started; i++) {
        struct laggard *g = &l->each[i];

        if (now < g->due) {
            continue;
        }
        g->due = now + l->pause;
        if (g->fd < 0) {
            call(g);
        }
        else {
            speak(g);
        }
    }
}

void laggards_stop(struct laggards *l)
{
    int i;

    for (i = 0; i < l->count; i++) {
        hang_up(&l->each[i]);
    }
    l->count = 0;
    l->started = 0;
}

static void release(void *object)
{
    struct laggards *l = object;

    laggards_stop(l);
    free(l->each);
    free(l);
}

struct laggards *laggards_start(struct loop *loop, const struct server *s,
                                enum laggard_kind kind, int count, int pause)
{
    struct laggards *l = keep(calloc(1, sizeof(*l)), release);
    int i;

    l->kind = kind;
    l->count = count;
    l->pause = pause;
    l->server = s;
    l->loop = loop;
    l->each = calloc((size_t)count, sizeof(*l->each));
    ck_assert_ptr_nonnull(l->each);
    for (i = 0; i < count; i++) {
        l->each[i].all = l;
        l->each[i].fd = -1;
        l->each[i].source.ready = on_ready;
    }
    l->actor.tick = tick;
    loop_add(loop, &l->actor);
    return l;
}
