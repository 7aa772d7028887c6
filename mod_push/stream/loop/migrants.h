#ifndef PUSH_MIGRANTS_H
#define PUSH_MIGRANTS_H

#include "stream/loop/keeper.h"

/* Streams that come from other reactors; see stream/transport/migration.h. */

/* Takes in the streams that were sent to a seat. */
void push_migrants_adopt(push_keeper_t *keeper, unsigned seat);

/* Streams were on their way to processes that died: they live on here. */
void push_migrants_adopt_lost(push_keeper_t *keeper);

#endif
