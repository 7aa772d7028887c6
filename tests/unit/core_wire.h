/*
 * What a codec writes, as the peer of a socket gets it.
 */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include "codec/codec.h"

typedef struct {
    char *at;
    size_t len, room;
    unsigned writes;
} wire_t;

/* Appends the first bytes of the output, at most so many. */
size_t wire_append(wire_t *wire, const push_output_t *out, size_t most);

/*
 * What a socket gets of the message that takes first bytes, then step bytes at
 * a time.
 */
wire_t wire_written(const push_codec_t *codec, push_letter_t letter,
                    size_t first, size_t step);

#endif
