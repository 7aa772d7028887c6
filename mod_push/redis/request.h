#ifndef PUSH_REDIS_REQUEST_H
#define PUSH_REDIS_REQUEST_H

#include <semaphore.h>

#include "redis/command.h"
#include "redis/failure.h"
#include "redis/reply.h"

/*
 * A command on its way, and what came of it.  The memory is the caller's, and
 * must stay until the request is over.
 *
 *     push_request_t request;
 *
 *     push_request_init(&request, partition);
 *     push_command_string(&request.command, "FCALL");
 *     …
 *     push_courier_call(courier, &request);
 *     if (request.failure == PUSH_FAILURE_NONE) … request.reply …
 *     push_request_cleanup(&request);
 */

#define PUSH_REQUEST_MS 1000

typedef struct push_request_t push_request_t;

struct push_request_t {
    /* ---- set before it is sent ---- */
    push_command_t command;
    int64_t deadline;  /* by push_redis_now(); init: in a second */
    unsigned replicas; /* so many must have it (WAIT n 200); init: 0 */
    /* The index of one master, to which it is sent once, wherever that says
     * to go; init: -1, to the partition's, until it has run. */
    int master;
    /* Called by the thread of the client when the request is over, and may
     * then free it; NULL: somebody waits (push_courier_wait()). */
    void (*done)(push_request_t *request);
    void *data;
    /* ---- set when it is over ---- */
    push_failure_t failure;
    push_reply_t *reply; /* also the error's; NULL: there was none */
    unsigned replicated; /* replicas that have it, if any were asked for */
    unsigned answered;   /* the index of the master that gave the reply */
    /* ---- the client's own ---- */
    struct push_request_list_t *in;
    push_request_t *next, *prev;
    struct push_line_t *line; /* on which it was sent */
    uint64_t number;          /* there */
    int64_t sent;             /* µs */
    int64_t again;            /* ms; not to be sent before */
    unsigned heap_at;
    unsigned tries;
    unsigned asking; /* index of the master to be asked, or PUSH_NO_MASTER */
    bool loaded;     /* the library was loaded for it already */
    unsigned bucket; /* of the courier, which counts it there */
    size_t bytes;
    sem_t over;
};

void push_request_init(push_request_t *request, unsigned partition);

/* Frees command and reply. */
void push_request_cleanup(push_request_t *request);

/* Takes the reply out; the caller frees it. */
push_reply_t *push_request_take(push_request_t *request);

/* Milliseconds of the clock of deadlines (CLOCK_MONOTONIC). */
int64_t push_redis_now(void);

#endif
