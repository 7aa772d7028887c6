#ifndef PUSH_CHOOSE_H
#define PUSH_CHOOSE_H

#include "core/checkin.h"
#include "store/shard/store.h"

/*
 * A device that is known asks for other channels than at its check-in, with or
 * without an open stream: checkin has its user and labels, channels,
 * from_oldest and max_subscriptions.  It keeps its place in those that it goes
 * on following, and what is in flight of the others can be acknowledged.  On
 * one machine.  PUSH_NOT_FOUND (no such context), PUSH_NO_MEMORY,
 * PUSH_TOO_MANY_SUBSCRIPTIONS, PUSH_TOO_MANY_CHANNELS, PUSH_BUSY (also while
 * too much is in flight of channels that it left): nothing was changed.
 */
push_status_t push_store_choose(push_store_t *store,
                                const push_checkin_t *checkin,
                                const push_time_t *now);

#endif
