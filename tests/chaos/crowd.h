/*
 * Many clients in one thread, each as docs/protocol.md asks it to be: it
 * resumes with the id of its last message, waits with full jitter, honours
 * retry:, Retry-After and push.bye, calls a silent stream dead after 7 s,
 * acknowledges what it handled, and drops repeats.
 *
 * It shares nothing with the SDKs but the arithmetic of waiting.
 */
#ifndef CHAOS_CROWD_H
#define CHAOS_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/pushbench_hist.h"
#include "journal.h"
#include "loop.h"
#include "server.h"

/* Zero and NULL mean the usual. */
struct crowd_options {
    const struct server *server;
    int count;               /* clients */
    int users;               /* that they belong to in turn; 0: each its own */
    const char *user;        /* names of users: this and a number; "u" */
    const char *channel;     /* that all follow */
    const char *host;        /* where the server is, "127.0.0.1" */
    struct journal *journal; /* gets device lines and all that happens */
    int netns;               /* network namespace of the clients; 0: ours */
    int sources;             /* addresses 127.0.0.2 and on; 0: the usual one */
    int ack_ms;              /* acknowledge so often; 0: never */
    int pace;                /* first connects a tick, 20 */
    int receive_buffer;      /* of the socket */
    bool implicit;           /* never acknowledges: the server's window slides
                                */
    bool deaf;               /* never reads behind the head of the answer */
    bool last;               /* who loses its stream does not come again */
};

/* 100 ms each. */
#define CROWD_BINS 6000

/* What happened to all clients together; any of it may be set to 0. */
struct crowd_counts {
    uint64_t attempts;       /* connects begun */
    uint64_t opened;         /* streams */
    uint64_t refused;        /* answers other than 200 */
    uint64_t unadvised;      /* 503 and 429 of them without Retry-After */
    uint64_t failed;         /* attempts without any answer */
    uint64_t dropped;        /* streams that ended without push.bye */
    uint64_t byes;           /* push.bye */
    uint64_t silences;       /* streams given up after 7 s without a byte */
    uint64_t received;       /* messages, repeats too */
    uint64_t delivered;      /* without repeats */
    uint64_t gapped;         /* messages that push.gap told of */
    uint64_t foreign;        /* messages whose payload is of no feed */
    uint64_t acked;          /* acknowledgements taken, 204 */
    uint64_t conflicts;      /* 409 to an acknowledgement */
    uint64_t spread;         /* the greatest spread_ms, ms */
    int64_t longest_silence; /* between two bytes of a stream, ms */
};

struct crowd {
    struct crowd_counts counts;
    struct pb_hist latency;       /* from due to received, ns */
    int64_t epoch;                /* when the first bin begins (ms) */
    uint32_t tries[CROWD_BINS];   /* attempts in each bin */
    uint32_t beats[CROWD_BINS];   /* reads of a stream in each bin */
    struct crowd_options options; /* may be changed; not count and users */
    struct loop *loop;
    struct client *clients;
    struct dice *dice;
    int invited; /* clients that may connect; the rest come in turn */
    bool closed;
    struct loop_actor actor;
};

/* A crowd that begins to connect; it lives until the test ends. */
struct crowd *crowd_start(struct loop *loop, const struct crowd_options *o);

/* How many clients have an open stream. */
int crowd_open(const struct crowd *crowd);

/* Break the connection of each client with this probability, as a network
 * does. */
void crowd_cut(struct crowd *crowd, double probability);

/* Count bins, latencies and the longest silence from now on. */
void crowd_mark(struct crowd *crowd);

/* The greatest of the bins from first to last, and their mean. */
uint32_t crowd_peak(const uint32_t *bins, int first, int last);
double crowd_mean(const uint32_t *bins, int first, int last);

/* All clients leave for good. */
void crowd_close(struct crowd *crowd);

/* How many messages client number i has got or was told of as lost. */
uint64_t crowd_accounted(const struct crowd *crowd, int i);

/* Whether client number i has got the message. */
bool crowd_has(const struct crowd *crowd, int i, const char *mid);

#endif
