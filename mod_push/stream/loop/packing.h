#ifndef PUSH_PACKING_H
#define PUSH_PACKING_H

#include "stream/loop/stream.h"
#include "stream/transport/migration.h"

/* What a stream takes along from one reactor to another. */

/* With its heartbeat in ms, and when it ends. */
void push_stream_pack(const push_stream_t *stream, uint32_t heartbeat,
                      int64_t expires, push_migrant_t *migrant);

/*
 * Into an entry that is cleared, at now (mono ms); false, with the rest left
 * out, if there is no memory.
 */
bool push_stream_unpack(push_stream_t *stream, const push_migrant_t *migrant,
                        int64_t now);

#endif
