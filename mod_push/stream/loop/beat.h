#ifndef PUSH_BEAT_H
#define PUSH_BEAT_H

#include "stream/loop/stream_table.h"

/*
 * Heartbeats.  All streams of one interval stand in one list in order of
 * their last write, so those that are due are at its head.  One thread; now
 * is ms of the reactor's clock.
 */

#define PUSH_BEATS_MAX 16u /* different intervals in one configuration */
#define PUSH_BEAT_TICK 10u /* ms; beats that are due are written together */

typedef struct push_beat_t {
    uint32_t interval; /* ms */
    uint32_t first, last;
    uint32_t count;
} push_beat_t;

typedef struct push_beats_t {
    push_beat_t lists[PUSH_BEATS_MAX];
    unsigned count;
} push_beats_t;

/* The list for an interval; the next shorter one if there are too many. */
unsigned push_beat_for(push_beats_t *beats, uint32_t interval);

/* A new stream, whose list is set. */
void push_beat_join(push_beats_t *beats, push_stream_table_t *streams,
                    uint32_t index, uint32_t now);

/* The stream was written to. */
void push_beat_touch(push_beats_t *beats, push_stream_table_t *streams,
                     uint32_t index, uint32_t now);

void push_beat_leave(push_beats_t *beats, push_stream_table_t *streams,
                     uint32_t index);

/*
 * Streams of a list that may be beaten now, elapsed ms after the last look:
 * many that fall due at once are spread a little, so that their beats do not
 * stay together for ever.
 */
uint32_t push_beat_budget(const push_beats_t *beats, unsigned which,
                          uint32_t elapsed);

/*
 * The next stream of a list to be beaten, or PUSH_NO_STREAM.  The caller
 * touches it, whatever comes of the beat.
 */
uint32_t push_beat_next(const push_beats_t *beats,
                        const push_stream_table_t *streams, unsigned which,
                        uint32_t now, uint32_t *budget);

/* ms until the next one is due; at most limit, at least PUSH_BEAT_TICK. */
uint32_t push_beat_wait(const push_beats_t *beats,
                        const push_stream_table_t *streams, uint32_t now,
                        uint32_t limit);

#endif
