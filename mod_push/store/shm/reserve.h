#ifndef PUSH_RESERVE_H
#define PUSH_RESERVE_H

#include "store/shm/seat.h"

/*
 * How many streams a seat takes from httpd (limit).  A reservation is made
 * before there is a stream, so that the limit holds however many come at the
 * same moment.  Any thread.
 */

/* Finds the seat with the most room that takes streams; -1 if all are full. */
int push_reserve_find(const push_seats_t *seats);

/*
 * Reserves room for one more stream; false: the seat has as many as it may,
 * with those that other processes have reserved.  Given back when the stream
 * ends, or does not come about.
 */
bool push_reserve_here(const push_seats_t *seats, push_seat_t *seat);
void push_reserve_give_back(push_seat_t *seat);

/*
 * The same at the seat of another process.  Until the stream arrives there it
 * is counted at our own seat, so that it is over with us if we die; false also
 * for a process that has none.  Of several that ask at once when one more is
 * allowed, it may be that none gets it.
 */
bool push_reserve_elsewhere(const push_seats_t *seats, unsigned from,
                            unsigned to);

/* Gives the reservation up: there will be no stream. */
void push_reserve_cancel(const push_seats_t *seats, unsigned from);

/*
 * The stream has arrived: turns the reservation into a stream of the seat.
 * False if the seat is full, which a death between the two can lead to.
 */
bool push_reserve_fulfil(const push_seats_t *seats, unsigned from,
                         push_seat_t *to);

#endif
