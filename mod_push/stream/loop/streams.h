#ifndef PUSH_STREAMS_H
#define PUSH_STREAMS_H

#include "stream/loop/stream.h"

/*
 * The streams of one reactor.  They stand in pieces that never move, so a
 * stream keeps its address and its index.  One thread.
 */

#define PUSH_STREAMS_PIECE 256u

typedef struct push_streams_t {
    push_stream_t **pieces;
    uint32_t pieces_count;
    uint32_t count; /* open */
    uint32_t free;  /* index + 1; linked by follows */
    uint32_t used;  /* indexes that were ever used */
} push_streams_t;

static inline push_stream_t *push_streams_at(const push_streams_t *streams,
                                             uint32_t index)
{
    return &streams->pieces[index / PUSH_STREAMS_PIECE]
                           [index % PUSH_STREAMS_PIECE];
}

/* A cleared place, or PUSH_NO_STREAM when there is no memory. */
uint32_t push_streams_take(push_streams_t *streams);
void push_streams_give(push_streams_t *streams, uint32_t index);
void push_streams_cleanup(push_streams_t *streams);

#endif
