/*
 * A redis-server with a replica under one sentinel, for one test. The sentinel
 * calls a master dead after a second, and needs nobody else for that.
 */
#ifndef HARNESS_SENTINEL_H
#define HARNESS_SENTINEL_H

#include "redis.h"

#define SENTINEL_MASTER "the-master"

struct sentinel {
    struct redis *master;  /* at the start */
    struct redis *replica; /* at the start */
    char *root;
    int port;
    int tls_port;         /* 0 where it has none */
    const char *password; /* that it demands itself; NULL: none */
    pid_t pid;
};

/* Start all three, and wait until the sentinel knows the replica, which is in
 * step. options, of both servers, may be NULL; with TLS, all three speak it
 * with each other, by certificates of the master's. */
struct sentinel *sentinel_start(const struct redis_options *options,
                                const char *password);

#endif
