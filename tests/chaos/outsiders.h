/*
 * Clients in a process of their own, which are those of an SDK
 * (tests/chaos/clients): what they write for the checker goes into the journal
 * of the test, and is counted.
 */
#ifndef CHAOS_OUTSIDERS_H
#define CHAOS_OUTSIDERS_H

#include "journal.h"
#include "loop.h"
#include "server.h"

struct outsiders_options {
    const struct server *server;
    const char *program; /* a file of Node, or a program */
    const char *user;    /* names of users: this and a number */
    const char *channel; /* that all follow */
    int count;           /* clients, each of its own user */
    struct journal *journal;
};

struct outsiders {
    struct outsiders_options options;
    int open;           /* streams now */
    uint64_t delivered; /* messages */
    uint64_t gaps;      /* times that messages were dropped */
    /* The rest is outsiders.c's. */
    struct loop_actor actor;
    pid_t pid;
    char *said; /* the file that gets their lines */
    int fd;     /* of it, to read */
    char *text; /* what was read of a line that is not whole */
    size_t length, room;
};

/* Start them; they live until the test ends. */
struct outsiders *outsiders_start(struct loop *loop,
                                  const struct outsiders_options *o);

/* End them in order, and take what they still had to say. */
void outsiders_end(struct outsiders *o);

#endif
