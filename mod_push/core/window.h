#ifndef PUSH_WINDOW_H
#define PUSH_WINDOW_H

#include <stdbool.h>

#include "core/heap.h"
#include "core/types.h"

/*
 * The window of a device is all that is in flight to it, in order of seq, as
 * runs of neighbouring positions of one lane of one subscription.  A stream
 * that follows one busy channel needs a single run, however many messages are
 * in flight.
 *
 * All functions run with the lock of the device's shard.  Whatever store is
 * the last of a process that died, the runs that are found are runs that were
 * there; only which seq they stand for may be off by one.
 */

typedef struct push_position_t {
    uint16_t subscription; /* which of the device's subscriptions */
    uint16_t lane;         /* urgency */
    uint32_t at;           /* position in that lane */
} push_position_t;

typedef struct push_run_t {
    push_position_t first;
    uint32_t count;
} push_run_t;

/*
 * How a window slides whose client does not acknowledge.  Of a seq these are
 * the low 32 bits.  A mark says which seq arrives with which byte of the
 * stream; there is one at a time, and none while it is what has arrived.  Where
 * the client acknowledges, no mark is needed: there it is the message in
 * flight, one at a time, whose way is timed.
 */
typedef struct push_slide_t {
    uint32_t assumed; /* the last acked that only count as acknowledged */
    uint32_t gaps;    /* messages whose loss was told before one of these */
    uint32_t arrived; /* up to this seq the client's TCP has all bytes */
    uint32_t mark;    /* seq */
    uint64_t mark_at; /* bytes of the stream that end with it; mono ms */
} push_slide_t;

/* A ring of room runs. */
typedef struct push_runs_t {
    uint32_t room;
    _Atomic uint32_t span; /* the oldest << 16 | how many: change as one */
    push_slide_t slide;
    push_run_t runs[];
} push_runs_t;

#define PUSH_RUNS_MAX 32768u

typedef struct push_window_t {
    _Atomic push_ref_t runs; /* PUSH_NONE while nothing is in flight */
} push_window_t;

/* How many runs there are. */
uint32_t push_window_runs(const push_heap_t *heap,
                          const push_window_t *window);

/* The index-th oldest run, counted from 0; it must be there. */
push_run_t *push_window_run(const push_heap_t *heap,
                            const push_window_t *window, uint32_t index);

push_status_t push_window_append(push_heap_t *heap, push_window_t *window,
                                 push_position_t position);

/* The oldest, taken out.  The window must not be empty. */
push_position_t push_window_take_first(push_heap_t *heap,
                                       push_window_t *window);

/* The newest, looked at or taken out.  The window must not be empty. */
push_position_t push_window_last(const push_heap_t *heap,
                                 const push_window_t *window);
void push_window_drop_last(push_heap_t *heap, push_window_t *window);

/* The index-th oldest, counted from 0; it must be there. */
push_position_t push_window_get(const push_heap_t *heap,
                                const push_window_t *window, uint32_t index);

/* True if the position is in flight. */
bool push_window_holds(const push_heap_t *heap, const push_window_t *window,
                       push_position_t position);

/* The same, and how many stand before it. */
bool push_window_find(const push_heap_t *heap, const push_window_t *window,
                      push_position_t position, uint32_t *index);

/* How it slides; NULL while nothing is in flight. */
push_slide_t *push_window_slide(const push_heap_t *heap,
                                const push_window_t *window);

/*
 * The oldest position in flight of the same lane and subscription, or
 * position.at.
 */
uint32_t push_window_lowest(const push_heap_t *heap,
                            const push_window_t *window,
                            push_position_t position);

void push_window_cleanup(push_heap_t *heap, push_window_t *window);

#endif
