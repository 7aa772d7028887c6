#ifndef PUSH_QUEUE_H
#define PUSH_QUEUE_H

#include "stream/loop/stream_table.h"

/* The streams of a reactor that are to be flushed, each once.  One thread. */

typedef struct push_queue_t {
    uint32_t *indexes;
    uint32_t count;
    uint32_t room;
} push_queue_t;

/* Makes room for one more stream; false when there is no memory. */
bool push_queue_reserve(push_queue_t *queue,
                        const push_stream_table_t *streams);

/* Adds a stream, unless it is there or cannot be written to. */
void push_queue_add(push_queue_t *queue, push_stream_table_t *streams,
                    uint32_t index);

/* Drops the first count, which have had their turn. */
void push_queue_drop(push_queue_t *queue, uint32_t count);

void push_queue_cleanup(push_queue_t *queue);

#endif
