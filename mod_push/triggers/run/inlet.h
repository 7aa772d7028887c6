#ifndef PUSH_INLET_H
#define PUSH_INLET_H

#include "broker/broker.h"
#include "triggers/run/reader.h"

/*
 * The stream of one of the server's own users, whose other end is here: the
 * device is claimed as any other, a reactor of this child writes to a socket
 * pair, and what comes out at our end are messages.  So order, window, resume
 * and take-over are those of every device.
 */

#define PUSH_INLET_DEVICE "queue" /* the id of its only device */

struct push_store_t;
struct push_reservation_t;

typedef struct push_inlet_t {
    push_broker_t *broker; /* borrowed, as is the user */
    const char *user;
    push_stream_ref_t stream_ref;
    uint64_t session; /* names the numbers of this stream */
    uint64_t acked;   /* seq */
    push_sse_reader_t reader;
    int fd; /* our end, which does not block; -1: it is not open */
} push_inlet_t;

/* What a look at the device says. */
typedef struct push_inlet_view_t {
    bool online;
    bool silent;      /* but its node does not answer */
    uint64_t waiting; /* messages that are not acknowledged */
} push_inlet_view_t;

/*
 * Any node's device of this user; one that is not there is not online.
 * PUSH_BUSY: it is not known.
 */
push_status_t push_inlet_read_view(push_broker_t *broker, const char *user,
                                   push_inlet_view_t *view);

typedef struct push_inlet_ask_t {
    const char *user;
    uint32_t window; /* messages in flight at most */
    bool if_away;    /* PUSH_BUSY if another child of this node has it */
} push_inlet_ask_t;

/*
 * Claims the device, and takes over from whoever has it.  The reservation is
 * used up in any case.  Statuses: as the broker's claim(); PUSH_NO_STATE:
 * there is no descriptor, or the reactor took none.
 */
push_status_t push_inlet_open(push_inlet_t *inlet, push_broker_t *broker,
                              const push_inlet_ask_t *ask,
                              const struct push_reservation_t *reservation);

/* Reads what is there now; false: the stream has ended. */
bool push_inlet_read(push_inlet_t *inlet);

/* The next of what was read; false: there is none yet. */
bool push_inlet_next(push_inlet_t *inlet, push_sse_block_t *block);

/*
 * Acknowledges all up to seq.  PUSH_STALE: the device is another one's now;
 * PUSH_BUSY: try again.
 */
push_status_t push_inlet_ack(push_inlet_t *inlet, uint64_t seq);

/* What was not acknowledged waits for the next one.  It may be done twice. */
void push_inlet_close(push_inlet_t *inlet);

#endif
