#ifndef PUSH_PRESENT_H
#define PUSH_PRESENT_H

#include "core/view.h"
#include "store/shard/store.h"

/*
 * Gives each user with a stream that follows the channel, once.  A shard is
 * locked for some hundred users at a time, so this is no picture of one
 * moment.  PUSH_BUSY: some could not be looked at.
 */
push_status_t push_view_present(push_store_t *store, push_text_t channel,
                                push_user_visit_t *visit, void *data);

#endif
