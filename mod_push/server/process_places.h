#ifndef PUSH_PROCESS_PLACES_H
#define PUSH_PROCESS_PLACES_H

#include "http/runtime.h"
#include "server/kept.h"

struct push_positions_t;

/* Where devices are: a mapping of its own, while PushPositions is on. */

/*
 * In the parent, where the layout of what is kept is ours: makes it, unless it
 * is kept already; false, and says why.
 */
bool push_process_places_prepare(server_rec *s, const push_global_t *global,
                                 push_kept_t *kept);

/* What the store of a child is given; NULL: PushPositions is off. */
struct push_positions_t *push_process_places(void);

/* What the handlers of a child use. */
void push_process_places_fill(push_runtime_t *runtime);

#endif
