#ifndef PUSH_KEEPER_H
#define PUSH_KEEPER_H

#include "stream/loop/beat.h"
#include "stream/loop/deadline.h"
#include "stream/loop/followers.h"
#include "stream/transport/migration.h"
#include "stream/loop/queue.h"
#include "stream/loop/waits.h"

/*
 * The streams of one reactor, and what is to be done for them: let in, feed,
 * beat, send away, end.  All of it in the reactor's thread.
 */

typedef struct push_keeper_t {
    push_store_t *store;
    push_seat_t *seat;
    unsigned seat_index;
    int epoll;     /* where the sockets are watched */
    int64_t start; /* mono ms; the beginning of the reactor's clock */
    void (*ended)(void *data, const push_ended_t *ended);
    void *data;
    push_writer_t *writer;
    push_streams_t streams;
    push_beats_t beats;
    push_deadlines_t deadlines;
    push_followers_t followers;
    push_map_t devices; /* device → index of its stream */
    push_queue_t queue; /* streams to be flushed */
    push_waits_t waits; /* those whose window is full */
    push_time_t now;
    uint32_t ms;       /* now, since start */
    bool later;        /* some mailbox was locked: try again soon */
    uint32_t flushes;  /* streams that had a turn, ever; wraps */
    uint32_t messages; /* written to them, ever; wraps */
    unsigned random;
    uint32_t fixed; /* streams that cannot move: TLS, pumped */
} push_keeper_t;

/* The first members are set; false when there is no memory. */
bool push_keeper_init(push_keeper_t *keeper);
void push_keeper_cleanup(push_keeper_t *keeper);

void push_keeper_look_at_clock(push_keeper_t *keeper);

/*
 * Lets a stream in, from httpd or from another reactor: taken.  It is counted
 * in the seat already.
 */
void push_keeper_adopt(push_keeper_t *keeper, const push_migrant_t *migrant);

/*
 * There is no place for the stream: taken, and its client is told to come
 * again.  It is not counted in the seat, or no more.
 */
void push_keeper_turn_away(push_keeper_t *keeper,
                           const push_migrant_t *migrant);

/* Ends a stream that may not go on; false if it may. */
bool push_keeper_end_if_over(push_keeper_t *keeper, uint32_t index);

/* Gives every stream that has news one turn. */
void push_keeper_flush(push_keeper_t *keeper);

/* Beats the hearts that are due, elapsed ms after the last time. */
void push_keeper_beat(push_keeper_t *keeper, uint32_t elapsed);

/* Ends the streams whose deadline has come. */
void push_keeper_expire(push_keeper_t *keeper);

/* Something happened on a stream's socket (epoll events). */
void push_keeper_on_event(push_keeper_t *keeper, uint32_t index,
                          uint32_t events);

/* ms that the reactor may sleep; 0: there is work, limit at most. */
uint32_t push_keeper_wait(const push_keeper_t *keeper, uint32_t limit);

/*
 * Sends streams to another reactor over its socket until that takes no more;
 * returns how many went.
 */
uint32_t push_keeper_send_away(push_keeper_t *keeper, unsigned seat,
                               int socket, uint32_t most);

/* How streams that the server ends are told to come back. */
typedef struct push_farewell_t {
    push_end_t why;
    uint32_t retry_ms;  /* jittered for each */
    uint32_t spread_ms; /* over which the first reconnects should spread */
} push_farewell_t;

/* Says good-bye on every stream, or on every pumped one, and ends it. */
void push_keeper_end_all(push_keeper_t *keeper,
                         const push_farewell_t *farewell, bool pumped_only);

#endif
