#ifndef PUSH_STREAM_H
#define PUSH_STREAM_H

#include "store/ops/delivery.h"
#include "stream/transport/migration.h"
#include "stream/transport/transport.h"
#include "codec/codec.h"

/*
 * One open connection of a device, as the reactor that owns it knows it.  No
 * other thread touches it.  What is to be sent is not here: it is in the
 * device's mailbox until the socket takes it.
 */

#define PUSH_NO_STREAM UINT32_MAX

/* Why a stream ended; in the log. */
typedef enum push_end_t {
    PUSH_END_PEER,       /* the client closed it */
    PUSH_END_ERROR,      /* the connection broke or stopped taking bytes */
    PUSH_END_SUPERSEDED, /* a newer stream of the same device */
    PUSH_END_RESTART,    /* this child ends, the server goes on */
    PUSH_END_SHUTDOWN,   /* the server ends */
    PUSH_END_EXPIRED,    /* its token expired or was revoked */
    PUSH_END_DISMISSED,  /* an administrator ended it */
    PUSH_END_ANSWERED    /* it was a poll, and has its answer */
} push_end_t;

_Static_assert((int)PUSH_END_PEER + 1 == (int)PUSH_WENT_PEER
                   && (int)PUSH_END_ANSWERED + 1 == (int)PUSH_WENT_ANSWERED,
               "why a stream ended is why its device went");

/*
 * The record of a stream that has ended; borrowed until the callback returns.
 */
typedef struct push_ended_t {
    push_stream_ref_t stream_ref;
    push_end_t why;
    uint64_t duration; /* ms */
    uint32_t messages;
    uint64_t bytes;
} push_ended_t;

typedef struct push_stream_t {
    push_link_t link; /* of fd -1: this entry is free */
    uint32_t gen;
    push_ref_t device;
    uint32_t beat_next, beat_prev; /* in its heartbeat's list */
    uint32_t written;  /* ms of the reactor's clock; the last write */
    uint32_t follows;  /* its first entry among the followers */
    uint32_t deadline; /* 1 + its position among the deadlines, or 0 */
    uint32_t messages; /* written */
    push_ref_t part;   /* the hold of a message written only in part */
    uint32_t part_at;  /* bytes of it that were written */
    union {
        struct {
            uint64_t part_seq;
            push_resume_t part_resume; /* where the next write looks on */
        };
        push_last_t *last; /* of a poll, which has no parts; owned, or NULL */
    };
    uint64_t opened : 40;     /* mono ms, of 34 years */
    uint64_t beat : 4;        /* which heartbeat */
    uint64_t meta : 5;        /* PUSH_META_* */
    uint64_t blocked : 1;     /* the socket takes no more: wait for it */
    uint64_t queued : 1;      /* among those to be flushed */
    uint64_t event_beats : 1; /* heartbeats as events */
    uint64_t
        bridged : 1; /* a worker thread of this child carries it (HTTP/2) */
    uint64_t arriving : 1; /* the store does not know that it is here */
    uint64_t full : 1;     /* its window was, until more has arrived */
    uint64_t patience : 2; /* how long it has waited for that, see waits.h */
    uint64_t codec : 3;    /* PUSH_CODEC_* */
    uint64_t poll : 1;     /* it ends with the first answer */
    uint64_t due : 1;      /* the wait of a poll is over */
    uint64_t stuck : 1;    /* its device says since when it is blocked */
    uint64_t answered : 1; /* the answer of a poll is written, or in rest */
} push_stream_t;

_Static_assert(sizeof(push_stream_t) == 96, "an idle stream costs 96 bytes");

typedef enum push_flush_t {
    PUSH_FLUSH_IDLE,    /* there was nothing to write */
    PUSH_FLUSH_DONE,    /* all that there was is written */
    PUSH_FLUSH_MORE,    /* there may be more */
    PUSH_FLUSH_BLOCKED, /* the socket takes no more */
    PUSH_FLUSH_FULL,    /* the client's TCP has to acknowledge some first */
    PUSH_FLUSH_LATER,   /* the mailbox is locked: try again */
    PUSH_FLUSH_OVER,    /* the answer of a poll is written */
    PUSH_FLUSH_CLOSED,  /* its publisher ends it */
    PUSH_FLUSH_STALE,   /* it may not go on: push_delivery_state() */
    PUSH_FLUSH_BROKEN   /* the connection is of no use */
} push_flush_t;

/* A writer serves all streams of one thread; it is large.  NULL: no memory. */
typedef struct push_writer_t push_writer_t;

push_writer_t *push_writer_create(push_store_t *store, push_seat_t *seat);
void push_writer_destroy(push_writer_t *writer);

/*
 * Writes what may be sent to the stream now, in one system call.  The caller
 * has entered the epoch.
 */
push_flush_t push_stream_flush(push_writer_t *writer, push_stream_t *stream,
                               const push_time_t *now);

/* Writes what is no message, where nothing is begun; DONE, BLOCKED, BROKEN. */
push_flush_t push_stream_send(push_stream_t *stream, const char *text,
                              size_t len);

/* As push_transport_t's receive(). */
ssize_t push_stream_receive(push_stream_t *stream, char *bytes, size_t count);

/* Writes a heartbeat; DONE, BLOCKED or BROKEN. */
push_flush_t push_stream_beat(push_writer_t *writer, push_stream_t *stream);

/* Tells the client that and why the server ends the stream, if it can. */
void push_stream_bye(push_writer_t *writer, push_stream_t *stream,
                     const push_notice_t *notice);

/* Events of its connection come to the epoll, under its index, or (false)
 * cannot. */
bool push_stream_watch(const push_stream_t *stream, int epoll, uint32_t index);

/* True if the peer has left; see push_transport_t. */
bool push_stream_peer_left(push_stream_t *stream);

/* True if it could go on in another process. */
bool push_stream_moves(const push_stream_t *stream);

/* Takes over what is begun of a message, or a poll's last answer. */
void push_stream_take(push_stream_t *stream, const push_migrant_t *migrant);

/* Closes a connection that became no stream. */
void push_stream_drop_link(push_link_t *link);

/* Closes the socket and lets go of what the stream holds. */
void push_stream_close(push_store_t *store, push_stream_t *stream);

#endif
