#ifndef PUSH_DEADLINE_H
#define PUSH_DEADLINE_H

#include "stream/loop/stream_table.h"

/*
 * Streams that end at a time that is known before: when a token expires.  A
 * heap, the next one at its top; streams without a deadline are not in it.
 * One thread.
 */

typedef struct push_deadline_t {
    int64_t at; /* mono ms */
    uint32_t index;
} push_deadline_t;

typedef struct push_deadlines_t {
    push_deadline_t *heap;
    uint32_t count;
    uint32_t room;
} push_deadlines_t;

/* False when there is no memory.  The stream has no deadline yet. */
bool push_deadline_join(push_deadlines_t *deadlines,
                        push_stream_table_t *streams, uint32_t index,
                        int64_t at);

/* A no-op if it has none. */
void push_deadline_leave(push_deadlines_t *deadlines,
                         push_stream_table_t *streams, uint32_t index);

/* When the stream ends; 0: it has no deadline. */
int64_t push_deadline_of(const push_deadlines_t *deadlines,
                         const push_stream_table_t *streams, uint32_t index);

/* A stream whose deadline has come, or PUSH_NO_STREAM. */
uint32_t push_deadline_next(const push_deadlines_t *deadlines, int64_t now);

/* ms until the next one comes; at most limit. */
uint32_t push_deadline_wait(const push_deadlines_t *deadlines, int64_t now,
                            uint32_t limit);

void push_deadlines_cleanup(push_deadlines_t *deadlines);

#endif
