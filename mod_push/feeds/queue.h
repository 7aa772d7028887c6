#ifndef PUSH_QUEUE_OF_FEEDS_H
#define PUSH_QUEUE_OF_FEEDS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Pieces of bytes from any number of threads to one, in memory of a fixed
 * size.  To put one in takes no lock and waits for nothing.
 */
typedef struct push_feed_queue_t push_feed_queue_t;

/*
 * room: bytes, a power of two, of which each piece takes its own, rounded up
 * to 8, and 8 more.  NULL: there is no memory or descriptor (errno).
 */
push_feed_queue_t *push_feed_queue_create(size_t room);
void push_feed_queue_destroy(push_feed_queue_t *queue);

/* ---- any thread ---- */

/* Copies a piece; false, with nothing done, if there is no room for it. */
bool push_feed_queue_put(push_feed_queue_t *queue, const void *bytes,
                         size_t len);

/* True if less than half of the room is taken. */
bool push_feed_queue_half_empty(const push_feed_queue_t *queue);

/* Ends the wait of the one who takes, or the next one. */
void push_feed_queue_ring(push_feed_queue_t *queue);

/* ---- the one thread that takes ---- */

/*
 * Copies the next piece, of room bytes at most, which it must fit; returns its
 * length, 0: there is none.
 */
size_t push_feed_queue_take(push_feed_queue_t *queue, void *bytes,
                            size_t room);

/* Waits for a piece or a ring, for ms at most. */
void push_feed_queue_wait(push_feed_queue_t *queue, int ms);

#endif
