#ifndef PUSH_STUCK_H
#define PUSH_STUCK_H

#include "stream/loop/stream.h"

/*
 * Keeps in the device since when the socket of its stream takes no more, for
 * who asks why nothing arrives; status is what came of a write at now.
 */
static inline void push_stuck_note(push_store_t *store, push_stream_t *stream,
                                   push_flush_t status, const push_time_t *now)
{
    bool stuck = status == PUSH_FLUSH_BLOCKED;

    if (stuck != stream->stuck && status != PUSH_FLUSH_LATER) {
        const push_stream_ref_t stream_ref = {.device = stream->device,
                                              .gen = stream->gen};

        if (push_delivery_blocked(store, &stream_ref, stuck ? now->mono : 0)) {
            stream->stuck = stuck;
        }
    }
}

#endif
