/*
 * Connections that take their time: heads and bodies of requests that come a
 * byte at a time, and never to an end.
 */
#ifndef CHAOS_LAGGARD_H
#define CHAOS_LAGGARD_H

#include <stdint.h>

#include "loop.h"
#include "server.h"

enum laggard_kind {
    LAGGARD_HEAD, /* in the middle of a header */
    LAGGARD_BODY, /* of a publish, behind a complete head */
    LAGGARD_MUTE  /* connects, and says nothing */
};

struct laggards {
    uint64_t begun;  /* connections */
    uint64_t turned; /* those that the server ended */
    /* The rest is laggard.c's. */
    enum laggard_kind kind;
    int count, pause, started;
    const struct server *server;
    struct loop *loop;
    struct laggard *each;
    struct loop_actor actor;
};

/* So many of them, each with a byte every so many ms; one that the server
 * ends begins again. They live until the test ends. */
struct laggards *laggards_start(struct loop *loop, const struct server *s,
                                enum laggard_kind kind, int count, int pause);

/* All hang up. */
void laggards_stop(struct laggards *l);

#endif
