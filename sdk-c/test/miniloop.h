/*
 * miniloop.h - a loop for one handle, with a clock that the test owns.
 *
 * Its time runs faster than the real one by a factor, and can be made to
 * jump; waiting for it takes accordingly less.
 */
#ifndef PUSHC_TEST_MINILOOP_H
#define PUSHC_TEST_MINILOOP_H

#include <poll.h>

#include "pushc.h"

#define MINI_FDS 32

struct mini {
    pushc_loop loop; /* for options.loop */
    pushc_source *source;
    struct pollfd fds[MINI_FDS];
    int count;
    int armed;
    uint64_t due;   /* of the timer, where armed */
    uint64_t start; /* real ms */
    uint64_t jumped;
    unsigned factor;
    int timer_first; /* before the descriptors, as some loops do */
    unsigned closed;
};

void mini_init(struct mini *m, unsigned factor);

/* Milliseconds of its clock, for options.on_clock. */
uint64_t mini_now(const struct mini *m);

/* Let the machine sleep: the clock goes on, nothing happens. */
void mini_sleep(struct mini *m, uint64_t ms);

/* Let the time pass until the timer is due, and no longer. */
void mini_skip(struct mini *m);

/* Turn until done(ctx) is true; 0, or -1 when real_ms are over. */
int mini_run(struct mini *m, int (*done)(void *ctx), void *ctx, int real_ms);

#endif
