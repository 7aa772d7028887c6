#ifndef PUSH_REACTOR_H
#define PUSH_REACTOR_H

#include "stream/stream.h"

/*
 * A thread that owns streams: it writes when a mailbox has news, beats their
 * hearts, and notices when a peer leaves.  A child has one, or a few.
 */

typedef struct push_reactor_t push_reactor_t;

/* What is known when a stream ends; borrowed until the callback returns. */
typedef struct push_ended_t {
    push_ticket_t ticket;
    push_end_t why;
    uint64_t duration; /* ms */
    uint32_t messages;
    uint64_t bytes;
} push_ended_t;

typedef struct push_reactor_options_t {
    push_store_t *store;
    uint32_t pid;
    uint32_t max_streams; /* that come from httpd, not those that move here */
    uint32_t retry_ms;    /* for the reconnects after an orderly end */
    uint32_t accept_rate; /* reconnects a second that the server wants */
    void (*ended)(void *data, const push_ended_t *ended);
    void *data;
} push_reactor_options_t;

/* A socket that is to become a stream: taken. */
typedef struct push_adoption_t {
    int fd;
    push_ticket_t ticket;
    uint32_t heartbeat; /* ms */
    bool event_beats;
    uint8_t meta;       /* PUSH_META_* */
    bool pumped;        /* the other end is a worker's; it cannot move */
    int64_t expires;    /* mono ms; the stream ends then; 0: never */
    struct ssl_st *ssl; /* NULL: plain TCP; else taken, and cannot move */
} push_adoption_t;

/* NULL if there is no seat, no memory or no thread. */
push_reactor_t *push_reactor_start(const push_reactor_options_t *options);

/*
 * Ends the thread.  Its streams move to other children as long as there are
 * any, until leave_until at most (mono ms, may be changed meanwhile); what is
 * left is ended in good order.  together: all processes of the server end, so
 * its clients are told to come back over a time that serves all of them.
 */
void push_reactor_stop(push_reactor_t *reactor, push_end_t why, bool together,
                       const _Atomic int64_t *leave_until);

/*
 * Ends the pumped streams, now and as they come: the threads at their other
 * ends have to finish before the child can.  Any thread.
 */
void push_reactor_end_pumped(push_reactor_t *reactor, push_end_t why);

/* Where a stream is going to live. */
typedef struct push_berth_t {
    push_store_t *store;
    unsigned seat;
    push_reactor_t *reactor; /* NULL: in another child */
} push_berth_t;

/* ---- any thread ---- */

/* How many more streams it takes now. */
uint32_t push_reactor_room(const push_reactor_t *reactor);

unsigned push_reactor_seat(const push_reactor_t *reactor);

/*
 * Keeps a place for a stream until it is handed over or push_berth_cancel() is
 * called; false: the reactor has as many streams as it may.
 */
bool push_berth_reserve(push_berth_t *berth, push_store_t *store,
                        push_reactor_t *reactor);

/* The same at the reactor of another child; see push_room_promise(). */
bool push_berth_promise(push_berth_t *berth, push_store_t *store);

void push_berth_cancel(const push_berth_t *berth);

/* Hands a stream over; false, with the stream ended, if that fails. */
bool push_berth_adopt(const push_berth_t *berth,
                      const push_adoption_t *adoption);

#endif
