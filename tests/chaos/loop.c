#include "loop.h"

#include <stdlib.h>
#include <unistd.h>

#include "keep.h"

#define EVENTS_MAX 512

struct loop {
    int epoll;
    struct loop_actor *actors;
    int64_t ticked;   /* when the actors last looked at the clock */
    int64_t turned;   /* when the last turn ended */
    int64_t lateness; /* the longest time between two turns */
};

static void release(void *object)
{
    struct loop *loop = object;

    close(loop->epoll);
    free(loop);
}

struct loop *loop_create(void)
{
    struct loop *loop = keep(calloc(1, sizeof(*loop)), release);

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    ck_assert_int_ge(loop->epoll, 0);
    return loop;
}

void loop_add(struct loop *loop, struct loop_actor *actor)
{
    actor->next = loop->actors;
    loop->actors = actor;
}

static void control(struct loop *loop, int operation, int fd, uint32_t events,
                    struct loop_source *source)
{
    struct epoll_event e = {.events = events, .data.ptr = source};

    ck_assert_int_eq(epoll_ctl(loop->epoll, operation, fd, &e), 0);
}

void loop_watch(struct loop *loop, int fd, uint32_t events,
                struct loop_source *source)
{
    control(loop, EPOLL_CTL_ADD, fd, events, source);
}

void loop_rewatch(struct loop *loop, int fd, uint32_t events,
                  struct loop_source *source)
{
    control(loop, EPOLL_CTL_MOD, fd, events, source);
}

static void tick(struct loop *loop)
{
    int64_t now = wait_now();
    struct loop_actor *actor;

    if (loop->turned != 0 && now - loop->turned > loop->lateness) {
        loop->lateness = now - loop->turned;
    }
    loop->turned = now;
    if (now - loop->ticked < LOOP_TICK_MS) {
        return;
    }
    loop->ticked = now;
    for (actor = loop->actors; actor != NULL; actor = actor->next) {
        actor->tick(actor, now);
    }
}

void loop_turn(struct loop *loop)
{
    struct epoll_event events[EVENTS_MAX];
    int i, count = epoll_wait(loop->epoll, events, EVENTS_MAX, LOOP_TICK_MS);

    for (i = 0; i < count; i++) {
        struct loop_source *source = events[i].data.ptr;

        source->ready(source, events[i].events);
    }
    tick(loop);
}

void loop_run(struct loop *loop, int64_t milliseconds)
{
    int64_t end = wait_now() + milliseconds;

    while (wait_now() < end) {
        loop_turn(loop);
    }
}

int64_t loop_lateness(const struct loop *loop)
{
    return loop->lateness;
}

void loop_forget_lateness(struct loop *loop)
{
    loop->lateness = 0;
    loop->turned = 0;
}
