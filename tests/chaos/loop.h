/*
 * One thread, many actors: sockets by epoll, and a tick for what is a matter
 * of time. Tests wait by turning the loop, so that their actors go on.
 */
#ifndef CHAOS_LOOP_H
#define CHAOS_LOOP_H

#include <check.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "wait.h"

/* Part of an actor that owns a socket; ready() gets epoll's events. It may be
 * called once more for a socket that has just been closed. */
struct loop_source {
    void (*ready)(struct loop_source *source, uint32_t events);
};

/* Something that looks at the clock: tick() comes every LOOP_TICK_MS or so. */
struct loop_actor {
    void (*tick)(struct loop_actor *actor, int64_t now);
    struct loop_actor *next;
};

#define LOOP_TICK_MS 10

struct loop;

/* It lives until the test ends. */
struct loop *loop_create(void);

/* actor is borrowed for as long as the loop lives. */
void loop_add(struct loop *loop, struct loop_actor *actor);

/* Watch fd for events (EPOLLIN, EPOLLOUT); closing it is enough to end that.
 * source is borrowed. */
void loop_watch(struct loop *loop, int fd, uint32_t events,
                struct loop_source *source);

/* Watch it for other events. */
void loop_rewatch(struct loop *loop, int fd, uint32_t events,
                  struct loop_source *source);

/* Handle what is there, waiting for it up to a tick. */
void loop_turn(struct loop *loop);

/* Go on for so many ms. */
void loop_run(struct loop *loop, int64_t milliseconds);

/* The longest time between two turns so far (ms): how late this process may
 * have noticed anything. */
int64_t loop_lateness(const struct loop *loop);
void loop_forget_lateness(struct loop *loop);

/* Go on until the condition holds; fail the test if it does not within so
 * many ms. */
#define loop_until(loop, milliseconds, condition)                             \
    do {                                                                      \
        int64_t loop_end_ = wait_now() + (milliseconds);                      \
        while (!(condition)) {                                                \
            ck_assert_msg(wait_now() < loop_end_, "never came true: %s",      \
                          #condition);                                        \
            loop_turn(loop);                                                  \
        }                                                                     \
    } while (0)

#endif
