#ifndef PUSH_ROOM_H
#define PUSH_ROOM_H

#include "store/shm/seat.h"

/*
 * How many streams a seat takes from httpd (limit).  A place is reserved
 * before there is a stream, so that a limit holds whoever comes at the same
 * moment.  Any thread.
 */

/* The seat with the most room that takes streams; -1 if all are full. */
int push_room_find(const push_seats_t *seats);

/*
 * Takes a place for one more stream; false: the seat has as many as it may,
 * with those that are promised.  Given back when the stream ends, or does not
 * come about.
 */
bool push_room_reserve(const push_seats_t *seats, push_seat_t *seat);
void push_room_give_back(push_seat_t *seat);

/*
 * The same at the seat of another process.  Until the stream arrives there it
 * is counted at our own seat, so that it is over with us if we die; false also
 * for a process that has none.  Of several that ask at once for the last place
 * it may be that none gets it.
 */
bool push_room_promise(const push_seats_t *seats, unsigned from, unsigned to);

/* There will be no stream. */
void push_room_cancel(const push_seats_t *seats, unsigned from);

/*
 * It has arrived: takes the place that was promised.  False if there is none,
 * which a death between the two can lead to.
 */
bool push_room_fulfil(const push_seats_t *seats, unsigned from,
                      push_seat_t *to);

#endif
