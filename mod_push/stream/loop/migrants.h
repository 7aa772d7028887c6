#ifndef PUSH_MIGRANTS_H
#define PUSH_MIGRANTS_H

#include "stream/loop/stream_set.h"

/* Streams that come from other reactors; see stream/transport/migration.h. */

/* Takes in the streams that were sent to a seat. */
void push_migrants_adopt(push_stream_set_t *set, unsigned seat);

/* Streams were on their way to processes that died: they live on here. */
void push_migrants_adopt_lost(push_stream_set_t *set);

#endif
