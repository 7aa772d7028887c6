#include "stream/loop/deadline.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64u

/* Puts an entry at a position of the heap; its stream knows where it is. */
static void put(const push_deadlines_t *deadlines,
                push_stream_table_t *streams, uint32_t position,
                push_deadline_t entry)
{
    deadlines->heap[position] = entry;
    push_stream_table_at(streams, entry.index)->deadline = position + 1;
}

static void sift_up(const push_deadlines_t *deadlines,
                    push_stream_table_t *streams, uint32_t position,
                    push_deadline_t entry)
{
    while (position && deadlines->heap[(position - 1) / 2].at > entry.at) {
        put(deadlines, streams, position, deadlines->heap[(position - 1) / 2]);
        position = (position - 1) / 2;
    }
    put(deadlines, streams, position, entry);
}

static void sift_down(const push_deadlines_t *deadlines,
                      push_stream_table_t *streams, uint32_t position,
                      push_deadline_t entry)
{
    uint32_t child = 2 * position + 1;

    while (child < deadlines->count) {
        if (child + 1 < deadlines->count
            && deadlines->heap[child + 1].at < deadlines->heap[child].at) {
            child++;
        }
        if (deadlines->heap[child].at >= entry.at) {
            break;
        }
        put(deadlines, streams, position, deadlines->heap[child]);
        position = child;
        child = 2 * position + 1;
    }
    put(deadlines, streams, position, entry);
}

static bool reserve(push_deadlines_t *deadlines)
{
    uint32_t room = deadlines->room ? 2 * deadlines->room : ROOM_MIN;
    push_deadline_t *heap;

    if (deadlines->count < deadlines->room) {
        return true;
    }
    heap = realloc(deadlines->heap, room * sizeof(*heap));
    if (!heap) {
        return false;
    }
    deadlines->heap = heap;
    deadlines->room = room;
    return true;
}

bool push_deadline_join(push_deadlines_t *deadlines,
                        push_stream_table_t *streams, uint32_t index,
                        int64_t at)
{
    if (!reserve(deadlines)) {
        return false;
    }
    sift_up(deadlines, streams, deadlines->count++,
            (push_deadline_t){at, index});
    return true;
}

void push_deadline_leave(push_deadlines_t *deadlines,
                         push_stream_table_t *streams, uint32_t index)
{
    push_stream_t *stream = push_stream_table_at(streams, index);
    uint32_t position = stream->deadline - 1;
    push_deadline_t last;

    if (!stream->deadline) {
        return;
    }
    stream->deadline = 0;
    last = deadlines->heap[--deadlines->count];
    if (position == deadlines->count) {
        return;
    }
    if (position && deadlines->heap[(position - 1) / 2].at > last.at) {
        sift_up(deadlines, streams, position, last);
    }
    else {
        sift_down(deadlines, streams, position, last);
    }
}

int64_t push_deadline_of(const push_deadlines_t *deadlines,
                         const push_stream_table_t *streams, uint32_t index)
{
    uint32_t deadline = push_stream_table_at(streams, index)->deadline;

    return deadline ? deadlines->heap[deadline - 1].at : 0;
}

uint32_t push_deadline_next(const push_deadlines_t *deadlines, int64_t now)
{
    return deadlines->count && deadlines->heap[0].at <= now
               ? deadlines->heap[0].index
               : PUSH_NO_STREAM;
}

uint32_t push_deadline_wait(const push_deadlines_t *deadlines, int64_t now,
                            uint32_t limit)
{
    int64_t wait = deadlines->count ? deadlines->heap[0].at - now : limit;

    return wait < 0 ? 0 : wait < limit ? (uint32_t)wait : limit;
}

void push_deadlines_cleanup(push_deadlines_t *deadlines)
{
    free(deadlines->heap);
    memset(deadlines, 0, sizeof(*deadlines));
}
