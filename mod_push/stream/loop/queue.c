#include "stream/loop/queue.h"

#include <stdlib.h>
#include <string.h>

/*
 * Called for each stream that is let in.  From then on until the next one,
 * each stream is added once at most, and once more while the queue is worked
 * off.  What stands there already stays: a stream that ended leaves its entry
 * behind, and the one that succeeds it has one of its own.
 */
bool push_queue_reserve(push_queue_t *queue,
                        const push_stream_table_t *streams)
{
    uint32_t needed = queue->count + streams->used * 2 + 2;
    uint32_t *indexes;

    if (needed <= queue->room) {
        return true;
    }
    indexes = realloc(queue->indexes, 2 * needed * sizeof(*indexes));
    if (!indexes) {
        return false;
    }
    queue->indexes = indexes;
    queue->room = 2 * needed;
    return true;
}

void push_queue_add(push_queue_t *queue, push_stream_table_t *streams,
                    uint32_t index)
{
    push_stream_t *stream = push_stream_table_at(streams, index);

    if (!stream->queued && !stream->blocked) {
        stream->queued = 1;
        queue->indexes[queue->count++] = index;
    }
}

void push_queue_drop(push_queue_t *queue, uint32_t count)
{
    queue->count -= count;
    memmove(queue->indexes, queue->indexes + count,
            queue->count * sizeof(*queue->indexes));
}

void push_queue_cleanup(push_queue_t *queue)
{
    free(queue->indexes);
    memset(queue, 0, sizeof(*queue));
}
