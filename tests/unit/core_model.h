#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include "core_suite.h"
#include "core_world.h"

/*
 * The protocol's rules on plain lists (docs/protocol.md), as slow and as
 * simple as they can be said: what is expected of the core.  Everything is
 * addressed by its index.
 */

#define MODEL_MESSAGES 400
#define MODEL_USERS    2
#define MODEL_CHANNELS 2
#define MODEL_DEVICES  8
#define MODEL_NAMES    3 /* of devices of a user: a, b, c */

typedef enum { TO_USER, TO_CHANNEL, TO_ALL } model_kind_t;

typedef struct model_message_t {
    uint64_t mid;
    model_kind_t kind;
    int to;     /* user or channel */
    int device; /* name, or -1 for every device */
    push_urgency_t urgency;
    int topic; /* 0: none */
    bool now;  /* TTL 0 */
    int64_t expires;
    push_fate_t fate; /* PUSH_LIVE, or how it ended */
    int64_t forget;   /* mono ms, once it has ended */
    bool gone;        /* forgotten by the log */
    bool dropped;     /* by the channel's history */
} model_message_t;

/* How a message stands for one device. */
typedef enum { WAITING, FLYING, OVER } model_state_t;

typedef struct model_device_t {
    bool used;
    bool online;
    bool implicit;
    int user;
    int name;
    bool follows[MODEL_CHANNELS];
    int joined; /* messages published before it was there */
    int opened; /* messages published before its stream */
    uint32_t max_in_flight;
    int lowest;
    uint64_t acked, sent, stale;
    int flight
        [MODEL_MESSAGES]; /* of seq acked + 1 … sent, at seq - 1 - acked */
    uint8_t state[MODEL_MESSAGES];
    uint32_t losses[PUSH_GAPS][PUSH_LANES];
    uint32_t gaps[PUSH_GAPS][PUSH_LANES];
    uint64_t gap_seq;
    uint32_t assumed;  /* the last acked that nobody acknowledged */
    uint32_t far_gaps; /* lost, and told before one of these */
    uint64_t flushed;  /* sent before the last flush */
} model_device_t;

typedef struct model_t {
    uint32_t limit;
    uint32_t history;
    int64_t now; /* mono ms */
    int count;
    model_message_t messages[MODEL_MESSAGES];
    model_device_t devices[MODEL_DEVICES];
    push_receipt_t receipt; /* of the last publish, but for the mid */
    char text[4096];        /* of the last flush */
} model_t;

void model_device_open(model_t *m, int d, const push_cursor_t *at);
push_status_t model_say(model_t *m, const model_message_t *message);
void model_flush(model_t *m, int d, uint32_t max);
void model_return(model_t *m, int d, uint64_t keep);
void model_resume(model_t *m, int d, const push_cursor_t *at);
push_status_t model_ack(model_t *m, int d, const push_cursor_t *at);
uint32_t model_pending(const model_t *m, int d);
void model_end(model_t *m, int message, push_fate_t fate);
void model_sweep(model_t *m);

bool model_alive(const model_t *m, int message);

#endif
