#ifndef PUSH_HELPER_H
#define PUSH_HELPER_H

#include "store/recovery/statedir.h"

/*
 * A process of its own that does one piece of work for the parent, as the
 * owner of the state, and says through a pipe what came of it.  It ends with
 * the parent at the latest, however that ends, and holds nothing open that it
 * does not need: a start that is interrupted leaves nothing behind.
 */

typedef struct push_helper_t {
    pid_t pid;
    int from; /* what it says is read here */
} push_helper_t;

/* The helper's own: what it returns is its exit status; fd: its end. */
typedef int push_helper_work_t(int fd, void *data);

/*
 * keep: a descriptor that it needs beside the standard ones, or -1.  False,
 * with errno: there is none.
 */
bool push_helper_start(push_helper_t *helper, const push_owner_t *owner,
                       int keep, push_helper_work_t *work, void *data);

/* Waits for its end; true if it ended by itself, with status 0. */
bool push_helper_finish(push_helper_t *helper, bool kill_it);

/* In the helper: false once the parent hears no more. */
bool push_helper_say(int fd, const void *bytes, size_t len);

/* In the parent: false if it is dead, or silent for long. */
bool push_helper_hear(const push_helper_t *helper, void *bytes, size_t len);

#endif
