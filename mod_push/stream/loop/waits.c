#include "stream/loop/waits.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN     16u
#define PATIENCE_MAX 3u

/* A stream is due when the clock passes a multiple of 4, 32 or 256 ms. */
static unsigned shift_of(unsigned patience)
{
    return 3 * patience - 1;
}

static bool is_due(unsigned patience, uint32_t since, uint32_t ms)
{
    return since >> shift_of(patience) != ms >> shift_of(patience);
}

static bool is_waiting(const push_stream_t *stream)
{
    return stream->link.fd >= 0 && stream->blocked && stream->full;
}

static bool grow(push_waits_t *waits)
{
    uint32_t room = waits->room ? 2 * waits->room : ROOM_MIN;
    uint32_t *indexes = realloc(waits->indexes, room * sizeof(*indexes));

    if (!indexes) {
        return false;
    }
    waits->indexes = indexes;
    waits->room = room;
    return true;
}

bool push_waits_add(push_waits_t *waits, push_stream_table_t *streams,
                    uint32_t index, uint32_t ms)
{
    push_stream_t *stream = push_stream_table_at(streams, index);

    if (!stream->patience) {
        if (waits->count == waits->room && !grow(waits)) {
            return false;
        }
        if (!waits->count) {
            waits->polled = ms;
        }
        stream->patience = 1;
        waits->indexes[waits->count++] = index;
    }
    if (!waits->patience || stream->patience < waits->patience) {
        waits->patience = stream->patience;
    }
    stream->blocked = 1;
    return true;
}

void push_waits_poll(push_waits_t *waits, push_stream_table_t *streams,
                     push_queue_t *queue, uint32_t ms)
{
    uint32_t kept = 0;

    if (!waits->count || !is_due(1, waits->polled, ms)) {
        return;
    }
    waits->patience = PATIENCE_MAX;
    for (uint32_t i = 0; i < waits->count; i++) {
        uint32_t index = waits->indexes[i];
        push_stream_t *stream = push_stream_table_at(streams, index);
        unsigned patience = stream->patience;

        if (!is_waiting(stream)) {
            stream->patience = 0;
            continue;
        }
        waits->indexes[kept++] = index;
        if (is_due(patience, waits->polled, ms)) {
            stream->blocked = 0;
            push_queue_add(queue, streams, index);
        }
        if (patience < PATIENCE_MAX
            && is_due(patience + 1, waits->polled, ms)) {
            stream->patience = ++patience & PATIENCE_MAX;
        }
        if (patience < waits->patience) {
            waits->patience = patience;
        }
    }
    waits->count = kept;
    waits->polled = ms;
}

uint32_t push_waits_next(const push_waits_t *waits, uint32_t ms,
                         uint32_t limit)
{
    uint32_t every = 1u << shift_of(waits->patience ? waits->patience : 1);
    uint32_t left = every - (ms & (every - 1));

    return waits->count && left < limit ? left : limit;
}

void push_waits_cleanup(push_waits_t *waits)
{
    free(waits->indexes);
    memset(waits, 0, sizeof(*waits));
}
