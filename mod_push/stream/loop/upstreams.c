#include "stream/loop/upstreams.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 256u

push_upstream_t *push_upstreams_get(const push_upstreams_t *upstreams,
                                    uint32_t index)
{
    push_upstream_t **piece = index / PIECE < upstreams->count
                                  ? upstreams->pieces[index / PIECE]
                                  : NULL;

    return piece ? piece[index % PIECE] : NULL;
}

/* The piece of an index, made if it is not there; NULL: no memory. */
static push_upstream_t **piece_of(push_upstreams_t *upstreams, uint32_t index)
{
    uint32_t at = index / PIECE;

    if (at >= upstreams->count) {
        push_upstream_t ***pieces = realloc(upstreams->pieces,
                                            (at + 1) * sizeof(*pieces));

        if (!pieces) {
            return NULL;
        }
        memset(pieces + upstreams->count, 0,
               (at + 1 - upstreams->count) * sizeof(*pieces));
        upstreams->pieces = pieces;
        upstreams->count = at + 1;
    }
    if (!upstreams->pieces[at]) {
        upstreams->pieces[at] = calloc(PIECE, sizeof(**upstreams->pieces));
    }
    return upstreams->pieces[at];
}

bool push_upstreams_put(push_upstreams_t *upstreams, uint32_t index,
                        const push_upstream_t *upstream)
{
    push_upstream_t **piece = piece_of(upstreams, index);
    push_upstream_t *kept = piece ? malloc(sizeof(*kept)) : NULL;

    if (!kept) {
        return false;
    }
    *kept = *upstream;
    piece[index % PIECE] = kept;
    return true;
}

void push_upstreams_drop(push_upstreams_t *upstreams, uint32_t index)
{
    push_upstream_t *upstream = push_upstreams_get(upstreams, index);

    if (upstream) {
        push_inbound_cleanup(&upstream->inbound);
        free(upstream);
        upstreams->pieces[index / PIECE][index % PIECE] = NULL;
    }
}

void push_upstreams_cleanup(push_upstreams_t *upstreams)
{
    for (uint32_t i = 0; i < upstreams->count; i++) {
        for (uint32_t j = 0; upstreams->pieces[i] && j < PIECE; j++) {
            push_upstreams_drop(upstreams, i * PIECE + j);
        }
        free(upstreams->pieces[i]);
    }
    free(upstreams->pieces);
    upstreams->pieces = NULL;
    upstreams->count = 0;
}
