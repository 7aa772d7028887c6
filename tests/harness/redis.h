/*
 * A real redis-server for one test: its own directory, a free port of
 * 127.0.0.1, set as docs/cluster.md says. It ends with its test.
 */
#ifndef HARNESS_REDIS_H
#define HARNESS_REDIS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

/* How a server differs from the usual one; zero and NULL mean the usual. */
struct redis_options {
    bool append;          /* an append-only file, synced each second; usually
                             nothing is on disk */
    bool cluster;         /* in cluster mode, for redis_cluster_start() */
    bool tls;             /* listens with TLS too, at tls_port */
    const char *lines;    /* more lines of its configuration, which may
                             overrule the usual ones */
    const char *preload;  /* a library that it is to load first; it finds a
                             file of 8 zero bytes, `ahead` in the directory,
                             by PUSH_WALLCLOCK */
    const char *user;     /* as whom redis_call() calls; NULL: the default */
    const char *password; /* of that user; NULL: no AUTH */
};

struct redis {
    struct redis_options options;
    char *root;            /* its directory, with redis.conf and logs/error */
    int port;              /* on 127.0.0.1 */
    int bus;               /* of the cluster */
    int tls_port;          /* 0 where it has none */
    pid_t pid;             /* 0 while it is stopped */
    redisContext *context; /* of redis_call(), NULL where none is open */
};

/* Start one and wait until it answers. options may be NULL. */
struct redis *redis_start(const struct redis_options *options);

/* Stop it in order (SIGTERM), or as by a crash (SIGKILL), and wait for its
 * end; redis_again() may follow. Nothing happens to one that is stopped. */
void redis_stop(struct redis *r);
void redis_kill(struct redis *r);

/* Start it again in its directory, at its ports, and wait until it answers. */
void redis_again(struct redis *r);

/* Stand still, and go on (SIGSTOP, SIGCONT). */
void redis_pause(struct redis *r);
void redis_continue(struct redis *r);

/* Its address as PushCluster takes it; by TLS where it has that. */
const char *redis_url(const struct redis *r);

/* The file with the certificate that vouches for a server with TLS, and those
 * of a client that it accepts. */
const char *redis_ca(const struct redis *r);
const char *redis_client_certificate(const struct redis *r);
const char *redis_client_key(const struct redis *r);

/* A command in hiredis' format, and its reply, which lives until the test
 * ends. Fails the test where no reply comes or it is an error. */
redisReply *redis_call(struct redis *r, const char *format, ...);

/* The same; errors are returned, and NULL where no reply comes. */
redisReply *redis_try(struct redis *r, const char *format, ...);

/* The value of a field of INFO or CLUSTER INFO, "" where it has none. */
const char *redis_info(struct redis *r, const char *field);
long long redis_info_number(struct redis *r, const char *field);

/* CPU time of the process so far (µs), from /proc. */
long long redis_cpu(const struct redis *r);

#endif
