#ifndef PUSH_PACKING_H
#define PUSH_PACKING_H

#include "stream/loop/stream_set.h"

/* What a stream takes along from one reactor to another. */

void push_stream_pack(const push_stream_set_t *set, uint32_t index,
                      push_migrant_t *migrant);

/* Into an entry that is cleared; false, with the rest left out, if there is
 * no memory. */
bool push_stream_unpack(push_stream_set_t *set, push_stream_t *stream,
                        const push_migrant_t *migrant);

#endif
