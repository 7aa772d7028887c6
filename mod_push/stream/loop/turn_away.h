#ifndef PUSH_TURN_AWAY_H
#define PUSH_TURN_AWAY_H

#include "stream/loop/stream.h"
#include "stream/transport/migration.h"

/*
 * The seat is full: takes the stream, and its client is told to come again, in
 * so many ms.  It is not counted in the seat, or no more.
 */
void push_stream_turn_away(push_store_t *store, push_seat_t *seat,
                           const push_migrant_t *migrant, uint32_t retry,
                           const push_time_t *now);

#endif
