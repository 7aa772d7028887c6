#ifndef PUSH_STREAM_COUNTS_H
#define PUSH_STREAM_COUNTS_H

#include "stream/loop/stream.h"
#include "stream/transport/migration.h"

/* What a seat counts of its streams.  Reactor thread only. */

const char *push_end_name(push_end_t why);

/* PUSH_BY_CLOSED_*: why its stream ends; while its socket is open. */
unsigned push_closed_by(const push_stream_t *stream, push_end_t why);

/* A stream has ended, after so many ms. */
void push_count_end(push_seat_t *seat, unsigned reason, uint64_t ms);

/* A stream has ended for which there was no room. */
void push_count_turned_away(push_seat_t *seat, const push_migrant_t *migrant,
                            const push_time_t *now);

/* One more of its kind is open, or (-1) one less. */
void push_count_carried(push_seat_t *seat, const push_stream_t *stream,
                        int more);

#endif
