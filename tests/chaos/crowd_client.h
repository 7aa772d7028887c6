/*
 * One client of a crowd. Inside of crowd*.c only.
 */
#ifndef CHAOS_CROWD_CLIENT_H
#define CHAOS_CROWD_CLIENT_H

#include <stddef.h>

#include "crowd.h"
#include "reply.h"
#include "sse.h"

#define CLIENT_LINE 256 /* of a line of the stream: what is behind is cut */
#define CLIENT_ID   80

enum client_state {
    CLIENT_UNINVITED,
    CLIENT_CONNECTING, /* until the request is written */
    CLIENT_ASKED,      /* until the head of the answer is complete */
    CLIENT_OPEN,
    CLIENT_WAITING, /* until due */
    CLIENT_STOPPED
};

/* A message that came on the stream at hand. */
struct taken {
    int64_t seq;
    char mid[16];
};

struct taken_list {
    struct taken *items;
    size_t count, room;
    int conn;
};

/* The event that is being read: prefixes of its fields. */
struct fields {
    char id[CLIENT_ID];
    char type[72];
    char data[CLIENT_LINE];
    bool any; /* a field came */
};

/* An acknowledgement under way, on a connection of its own. */
struct acking {
    struct loop_source source;
    int fd; /* -1: none */
    bool written;
    int64_t until;          /* given up then */
    int64_t due;            /* the next one */
    struct taken_list list; /* what it covers */
    char id[CLIENT_ID];
};

struct client {
    struct loop_source source;
    struct crowd *crowd;
    int index;
    enum client_state state;
    int fd;
    int conn;        /* numbers its streams */
    int64_t due;     /* WAITING: the next attempt; before OPEN: given up */
    int64_t opened;  /* when it became OPEN */
    int64_t last;    /* when the last byte came */
    unsigned failed; /* attempts in a row */
    uint64_t retry;  /* ms, the last retry: */
    bool bye;        /* push.bye came on this stream */
    bool silent;     /* it is given up for silence */
    uint64_t spread; /* of it, ms */
    struct reply_head head;
    struct sse sse;
    struct fields fields;
    char cursor[CLIENT_ID];
    struct taken_list taken; /* on this stream, not yet acknowledged */
    uint64_t *mids;          /* hashes of all that was delivered; a table */
    size_t mid_count, mid_room;
    uint64_t gapped; /* messages that push.gap told of */
    struct acking acking;
};

/* ---- crowd.c ---- */

/* "USER/DEVICE", as the journal names it; static. */
const char *client_name(const struct client *c);

/* "user=U&device=D"; static. */
const char *client_query(const struct client *c);

/* A socket on its way to the server; -1 with errno where there is none. */
int client_connect(const struct client *c);

/* The stream, or the attempt, is over: wait for the next one. after > 0:
 * the server named that many ms. */
void client_lost(struct client *c, uint64_t after);

/* ---- crowd_read.c ---- */

/* An answer is to come, and maybe a stream. */
void client_expect(struct client *c);

/* The socket has something to read. */
void client_read(struct client *c);

bool client_has(const struct client *c, const char *mid);

/* ---- crowd_ack.c ---- */

void acking_init(struct client *c);
void acking_tick(struct client *c, int64_t now);
void acking_end(struct client *c);

#endif
