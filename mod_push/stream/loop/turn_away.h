#ifndef PUSH_TURN_AWAY_H
#define PUSH_TURN_AWAY_H

#include "stream/loop/stream_set.h"

/*
 * The seat is full: takes the stream, and its client is told to come again.
 * It is not counted in the seat, or no more.
 */
void push_stream_turn_away(push_stream_set_t *set,
                           const push_migrant_t *migrant);

#endif
