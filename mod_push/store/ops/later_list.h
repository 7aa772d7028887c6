#ifndef PUSH_LATER_LIST_H
#define PUSH_LATER_LIST_H

#include "core/view.h"
#include "store/shard/store.h"

/*
 * The first of what is kept for later, in order of its time: what->list says
 * how many, and the prefix of their users' and channels' names.
 * PUSH_NO_MEMORY.
 */
push_status_t push_later_list(push_store_t *store, const push_view_t *what,
                              const push_visitor_t *visitor);

#endif
