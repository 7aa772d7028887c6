#include "stream/loop/stream_table.h"

#include <stdlib.h>
#include <string.h>

static bool grow(push_stream_table_t *streams)
{
    push_stream_t **pieces = realloc(streams->pieces,
                                     (streams->pieces_count + 1)
                                         * sizeof(push_stream_t *));

    if (!pieces) {
        return false;
    }
    streams->pieces = pieces;
    pieces[streams->pieces_count] = malloc(PUSH_STREAM_TABLE_PIECE
                                           * sizeof(push_stream_t));
    if (!pieces[streams->pieces_count]) {
        return false;
    }
    streams->pieces_count++;
    return true;
}

uint32_t push_stream_table_take(push_stream_table_t *streams)
{
    uint32_t index = streams->free - 1;
    push_stream_t *stream;

    if (streams->free) {
        streams->free = push_stream_table_at(streams, index)->follows;
    }
    else if (streams->used < streams->pieces_count * PUSH_STREAM_TABLE_PIECE
             || grow(streams)) {
        index = streams->used++;
    }
    else {
        return PUSH_NO_STREAM;
    }
    stream = push_stream_table_at(streams, index);
    memset(stream, 0, sizeof(*stream));
    stream->link.fd = -1;
    streams->count++;
    return index;
}

void push_stream_table_give(push_stream_table_t *streams, uint32_t index)
{
    push_stream_t *stream = push_stream_table_at(streams, index);

    stream->link.fd = -1;
    stream->follows = streams->free;
    streams->free = index + 1;
    streams->count--;
}

void push_stream_table_cleanup(push_stream_table_t *streams)
{
    for (uint32_t i = 0; i < streams->pieces_count; i++) {
        free(streams->pieces[i]);
    }
    free(streams->pieces);
    memset(streams, 0, sizeof(*streams));
}
