/*
 * runner.h - a loop on a thread of its own, for a handle without the
 * application's. To the handle it is as one of the application.
 */
#ifndef PUSHC_RUNNER_H
#define PUSHC_RUNNER_H

#include "mem.h"

struct pushc_runner;

/* What is driven, as an application drives it. */
struct pushc_driven {
    pushc_source *source; /* borrowed */
    void (*ready)(pushc_source *source, int fd, int what);
    void (*timeout)(pushc_source *source);
};

/* Make a runner, and fill in its loop, of which closed() frees it. mem is
 * borrowed. PUSHC_OK, PUSHC_ERR_MEMORY, PUSHC_ERR_SYSTEM. */
int pushc_runner_create(const struct pushc_mem *mem,
                        const struct pushc_driven *driven, pushc_loop *loop,
                        struct pushc_runner **out);

/* Start the thread. PUSHC_OK or PUSHC_ERR_SYSTEM. */
int pushc_runner_start(struct pushc_runner *r);

/* Call nothing more, and end the thread. On this thread. */
void pushc_runner_end(struct pushc_runner *r);

/* Wait until the thread has ended; at once where it never started. */
void pushc_runner_join(struct pushc_runner *r);

#endif
