/*
 * sockets.h - the descriptors that a transport has watched, and for whom.
 *
 * All of it on the thread that drives the handle.
 */
#ifndef PUSHC_SOCKETS_H
#define PUSHC_SOCKETS_H

#include "settings.h"

/* Have fd watched for what (PUSHC_READ|PUSHC_WRITE), or, for 0, no more. 0,
 * or the transport is broken. */
typedef int (*pushc_watch_fn)(void *watcher, int fd, int what);

struct pushc_socket {
    const void *user; /* for whom it was watched last */
    int fd;
    int what; /* PUSHC_READ, PUSHC_WRITE */
};

struct pushc_sockets {
    const struct pushc_mem *mem; /* borrowed */
    pushc_watch_fn watch;
    void *watcher; /* borrowed */
    struct pushc_socket *of;
    size_t count, room;
};

/* Room for so many is there from the start. -1: no memory. */
int pushc_sockets_init(struct pushc_sockets *s, const struct pushc_mem *mem,
                       size_t room);
void pushc_sockets_cleanup(struct pushc_sockets *s);

/* What a descriptor is watched for from now on; 0: for nothing, which is said
 * once. -1: no memory, or the watcher refuses. */
int pushc_sockets_set(struct pushc_sockets *s, int fd, int what,
                      const void *user);

/* Whether the descriptor is watched. */
int pushc_sockets_has(const struct pushc_sockets *s, int fd);

/* All of a user are watched for nothing any more. -1: the watcher refuses. */
int pushc_sockets_forget(struct pushc_sockets *s, const void *user);

#endif
