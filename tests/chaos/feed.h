/*
 * A publisher: so many messages a second, or as fast as they are answered,
 * over several kept-alive connections, each message a request, or each a line
 * of an endless one. Each has an Idempotency-Key, and is sent again with it
 * where its connection broke or the server was busy.
 */
#ifndef CHAOS_FEED_H
#define CHAOS_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal.h"
#include "loop.h"
#include "server.h"

/* Zero and NULL mean the usual. */
struct feed_options {
    const struct server *server;
    const char *name;        /* begins its keys, "k" */
    const char *user;        /* to users of this name and a number, "u" */
    int users;               /* so many; 1 */
    const char *channel;     /* to this channel instead */
    const char *urgency;     /* NULL: each of the four in turn */
    int connections;         /* 8 */
    int rate;                /* a second; 0: as fast as it goes */
    int size;                /* bytes of payload, at least */
    int ttl;                 /* seconds; 0: the server's default */
    int keys;                /* so many different keys, at random, each twice
                                or more; 0: each message its own */
    uint64_t limit;          /* messages in all; 0: until feed_stop() */
    bool lines;              /* of NDJSON: a connection is one request */
    bool persists;           /* sends again what got 503, too */
    bool impatient;          /* and that soon, whatever Retry-After says */
    struct journal *journal; /* gets tried and accepted */
};

/* What happened to all messages together. */
struct feed_counts {
    uint64_t due;       /* messages */
    uint64_t sent;      /* requests, repeats too */
    uint64_t accepted;  /* messages answered 2xx */
    uint64_t refused;   /* messages given up after 503 */
    uint64_t full;      /* answers 503 */
    uint64_t unadvised; /* of them, without Retry-After */
    uint64_t busy;      /* answers 409: the key's first request still runs */
    uint64_t broken;    /* requests whose connection ended before the answer */
    uint64_t strange;   /* any other answer */
    int64_t longest;    /* from the first try to 2xx (ms); may be set to 0 */
};

struct feed {
    struct feed_counts counts;
    struct feed_options options;
    int last_status; /* of the strange answers */
    /* Called with every message that is accepted, if set. */
    void (*on_accepted)(struct feed *feed, uint64_t number, const char *mid);
    void *baton;
    /* The rest is feed.c's. */
    struct loop *loop;
    struct feed_line *lines;
    struct publication *again; /* to be sent again */
    struct dice *dice;
    uint64_t key;    /* the last one, where they are repeated */
    int64_t started; /* when rate began to count, ms */
    bool stopped;
    bool ended;
    struct loop_actor actor;
};

/* A feed that begins at once; it lives until the test ends. */
struct feed *feed_start(struct loop *loop, const struct feed_options *o);

/* Begin nothing more. */
void feed_stop(struct feed *feed);

/* For how long the message that waits longest for its 2xx has been tried (ms). */
int64_t feed_waits(const struct feed *feed);

/* True when every message has its answer. */
bool feed_is_idle(const struct feed *feed);

/* Stop, and turn the loop until it is idle; fail the test if it never is. */
void feed_finish(struct feed *feed);

#endif
