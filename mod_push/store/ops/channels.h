#ifndef PUSH_CHANNELS_H
#define PUSH_CHANNELS_H

#include "core/view.h"
#include "store/shard/store.h"

/*
 * The first channels in the order that is asked for, in memory for those few.
 * PUSH_NO_MEMORY.
 */
push_status_t push_channels_list(push_store_t *store, const push_view_t *what,
                                 const push_visitor_t *visitor);

#endif
