#ifndef PUSH_REACTOR_H
#define PUSH_REACTOR_H

#include "stream/transport/migration.h"
#include "stream/loop/stream.h"

/*
 * A reactor is a thread that owns streams: it writes when a mailbox was
 * filled, beats their hearts, and notices when a peer leaves.  A child has
 * one, or a few.
 */

typedef struct push_reactor_t push_reactor_t;

typedef struct push_reactor_options_t {
    push_store_t *store;
    uint32_t pid;
    uint32_t generation;  /* of httpd's children */
    uint32_t max_streams; /* that come from httpd, not those that move here */
    uint32_t retry_ms;    /* for the reconnects after an orderly end */
    uint32_t accept_rate; /* reconnects a second that the server wants */
    void (*ended)(void *data, const push_ended_t *ended);
    void *data;
} push_reactor_options_t;

/* NULL if there is no seat, no memory or no thread. */
push_reactor_t *push_reactor_start(const push_reactor_options_t *options);

/* How long streams may look for another child; mono ms, changed meanwhile. */
typedef struct push_leave_t {
    _Atomic int64_t until;
    _Atomic int64_t alone_until; /* where there is no other child */
} push_leave_t;

/*
 * Ends the thread.  Its streams move to other children while they may; what is
 * left is ended in good order.  together: all processes of the server end, so
 * its clients are told to come back over a time that serves all of them; the
 * same where no other child was left.
 */
void push_reactor_stop(push_reactor_t *reactor, push_end_t why, bool together,
                       const push_leave_t *leave);

/*
 * Ends the bridged streams, now and as they come: the threads at their other
 * ends have to finish before the child can.  Any thread.
 */
void push_reactor_end_bridged(push_reactor_t *reactor, push_end_t why);

/*
 * Ends the streams that it has now, in good order: their clients come back
 * over a time that serves all of the server, to another server if they may.
 * It goes on, and takes new ones.  Any thread.
 */
void push_reactor_part(push_reactor_t *reactor);

/* A reservation for one stream, at the reactor where it is going to live. */
typedef struct push_reservation_t {
    push_store_t *store;
    unsigned seat;
    push_reactor_t *reactor; /* NULL: in another child */
} push_reservation_t;

/* ---- any thread ---- */

/* How many more streams it takes now. */
uint32_t push_reactor_room(const push_reactor_t *reactor);

unsigned push_reactor_seat(const push_reactor_t *reactor);

/*
 * Reserves room for a stream until it is handed over or
 * push_reservation_cancel() is called; false: the reactor has as many streams
 * as it may.
 */
bool push_reservation_make(push_reservation_t *reservation,
                           push_store_t *store, push_reactor_t *reactor);

/* The same at the reactor of another child; see push_reserve_elsewhere(). */
bool push_reservation_make_elsewhere(push_reservation_t *reservation,
                                     push_store_t *store);

/* The same at a seat of another child, or of this one. */
bool push_reservation_make_at(push_reservation_t *reservation,
                              push_store_t *store, unsigned seat);

void push_reservation_cancel(const push_reservation_t *reservation);

/* Hands a stream over; false, with the stream ended, if that fails. */
bool push_reservation_adopt(const push_reservation_t *reservation,
                            const push_adoption_t *adoption);

#endif
