#ifndef PUSH_DISMISS_H
#define PUSH_DISMISS_H

#include "store/shard/store.h"

/*
 * Ends all streams of a user that are open now: each says push.bye, with
 * "expired-token" if revoked, else "disconnected", and sends nothing more.
 * Devices and their mailboxes stay.  *streams counts them.  PUSH_BUSY: nothing
 * was changed.  A user that is not known is one without streams.
 */
push_status_t push_store_dismiss(push_store_t *store, push_text_t user,
                                 bool revoked, uint32_t *streams);

#endif
