#ifndef PUSH_STREAMS_H
#define PUSH_STREAMS_H

#include "core/view.h"
#include "store/ops/top.h"
#include "store/shard/store.h"

/*
 * The streams that are furthest behind, in memory for those few.
 * PUSH_NO_MEMORY.  They are chosen by a bound of what is pending, which also
 * counts what is not for the device; of those that are shown it is exact.
 */
push_status_t push_streams_list(push_store_t *store, const push_view_t *what,
                                const push_visitor_t *visitor);

/* How a list of entries that begin with a push_stream_view_t is in order. */
void push_streams_order(push_order_t order, push_top_t *top);

#endif
