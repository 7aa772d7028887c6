#ifndef PUSH_STREAM_SET_H
#define PUSH_STREAM_SET_H

#include "stream/loop/beat.h"
#include "stream/loop/deadline.h"
#include "stream/loop/followers.h"
#include "stream/transport/migration.h"
#include "stream/loop/queue.h"
#include "stream/loop/upstreams.h"
#include "stream/loop/waits.h"

/*
 * A stream set is the streams of one reactor, and what is done for them: let
 * in, feed, beat, send away, end.  All of it in the reactor's thread.
 */

typedef struct push_stream_set_t {
    push_store_t *store;
    push_seat_t *seat;
    unsigned seat_index;
    int epoll;     /* where the sockets are watched */
    int64_t start; /* mono ms; the beginning of the reactor's clock */
    void (*ended)(void *data, const push_ended_t *ended);
    void *data;
    push_writer_t *writer;
    push_stream_table_t streams;
    push_beats_t beats;
    push_deadlines_t deadlines;
    push_followers_t followers;
    push_map_t devices; /* device → index of its stream */
    push_queue_t queue; /* streams to be flushed */
    push_waits_t waits; /* those whose window is full */
    push_upstreams_t upstreams;
    push_time_t now;
    uint32_t ms;       /* now, since start */
    bool later;        /* some mailbox was locked: try again soon */
    uint32_t flushes;  /* streams that had a turn, ever; wraps */
    uint32_t messages; /* written to them, ever; wraps */
    unsigned random;
    uint32_t fixed; /* streams that cannot move: TLS, bridged */
} push_stream_set_t;

/* The first members are set; false when there is no memory. */
bool push_stream_set_init(push_stream_set_t *set);
void push_stream_set_cleanup(push_stream_set_t *set);

void push_stream_set_read_clock(push_stream_set_t *set);

/*
 * Lets a stream in, from httpd or from another reactor: taken.  It is counted
 * in the seat already.
 */
void push_stream_set_adopt(push_stream_set_t *set,
                           const push_migrant_t *migrant);

/* For which there is no room: see turn_away.h. */
void push_stream_set_turn_away(push_stream_set_t *set,
                               const push_migrant_t *migrant);

/* Ends a stream that may not go on; false if it may. */
bool push_stream_set_end_if_over(push_stream_set_t *set, uint32_t index);

/* Gives every stream in the queue one turn. */
void push_stream_set_flush(push_stream_set_t *set);

/* Beats the hearts that are due, elapsed ms after the last time. */
void push_stream_set_beat(push_stream_set_t *set, uint32_t elapsed);

/* Ends the streams whose deadline has come. */
void push_stream_set_expire(push_stream_set_t *set);

/* An event came for a stream's socket (epoll events). */
void push_stream_set_on_event(push_stream_set_t *set, uint32_t index,
                              uint32_t events);

/* ms that the reactor may sleep; 0: there is work, limit at most. */
uint32_t push_stream_set_wait(const push_stream_set_t *set, uint32_t limit);

/*
 * Sends streams to another reactor over its socket until that takes no more;
 * returns how many went.
 */
uint32_t push_stream_set_send_away(push_stream_set_t *set, unsigned seat,
                                   int socket, uint32_t most);

/*
 * The notice by which the server closes streams, and says when to come back.
 */
typedef struct push_close_notice_t {
    push_end_t why;
    uint32_t retry_ms;  /* jittered for each */
    uint32_t spread_ms; /* over which the first reconnects should spread */
} push_close_notice_t;

/* Writes the notice on every stream, or on every bridged one, and ends it. */
void push_stream_set_end_all(push_stream_set_t *set,
                             const push_close_notice_t *notice,
                             bool bridged_only);

#endif
