#ifndef PUSH_STREAM_TABLE_H
#define PUSH_STREAM_TABLE_H

#include "stream/loop/stream.h"

/*
 * The table of a reactor's streams.  They stand in pieces that never move, so
 * a stream keeps its address and its index.  One thread.
 */

#define PUSH_STREAM_TABLE_PIECE 256u

typedef struct push_stream_table_t {
    push_stream_t **pieces;
    uint32_t pieces_count;
    uint32_t count; /* open */
    uint32_t free;  /* index + 1; linked by follows */
    uint32_t used;  /* indexes that were ever used */
} push_stream_table_t;

static inline push_stream_t *push_stream_table_at(
    const push_stream_table_t *streams, uint32_t index)
{
    return &streams->pieces[index / PUSH_STREAM_TABLE_PIECE]
                           [index % PUSH_STREAM_TABLE_PIECE];
}

/* A cleared entry, or PUSH_NO_STREAM when there is no memory. */
uint32_t push_stream_table_take(push_stream_table_t *streams);
void push_stream_table_give(push_stream_table_t *streams, uint32_t index);
void push_stream_table_cleanup(push_stream_table_t *streams);

#endif
