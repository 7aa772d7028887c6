#ifndef PUSH_STORE_VIEW_COPY_H
#define PUSH_STORE_VIEW_COPY_H

#include "core/publication.h"
#include "core/view.h"
#include "store/shard/store.h"

/*
 * A log as it is here, so that it can be compared with that of another node.
 * PUSH_NOT_FOUND, also where this node of a cluster does not follow it;
 * PUSH_BUSY.
 */
push_status_t push_view_copy(push_store_t *store,
                             const push_audience_t *audience,
                             const push_time_t *now, push_copy_visit_t *visit,
                             void *data);

#endif
