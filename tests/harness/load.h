/*
 * Publishers in processes of their own, who go on until the server is gone,
 * and write down what they tried and what was accepted, as push-checker reads
 * it.
 */
#ifndef HARNESS_LOAD_H
#define HARNESS_LOAD_H

#include <stdint.h>

#include "server.h"

struct load_options {
    int publishers; /* at most 16 */
    int users;      /* messages go to u0, u1, …; every fifth to channel c */
    int pause;      /* ms of each publisher between two messages */
    int seed;       /* who publishes to whom first */
};

struct load;

struct load *load_start(const struct server *s,
                        const struct load_options *options);

/* How many messages were accepted so far. */
int load_accepted(const struct load *load);

/* Wait for the publishers to end: the server must be gone. Returns what they
 * wrote, but for messages accepted after the monotonic time until (ms). */
const char *load_end(struct load *load, int64_t until);

#endif
