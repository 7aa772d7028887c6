#ifndef PUSH_PUBLISH_H
#define PUSH_PUBLISH_H

#include "store/store.h"

/* Publishing: from a checked draft to the mailboxes, and the wake-ups. */

/* To whom: one user (draft->device: one device), one channel, or all. */
typedef struct push_audience_t {
    push_log_kind_t kind;
    push_text_t name; /* of the user or the channel */
} push_audience_t;

/*
 * Publishes.  PUSH_NO_MEMORY, PUSH_MAILBOX_FULL: nothing was changed.
 * PUSH_BUSY: a lock could not be had; nothing was changed.
 */
push_status_t push_store_publish(push_store_t *store,
                                 const push_audience_t *audience,
                                 const push_draft_t *draft,
                                 const push_time_t *now,
                                 push_receipt_t *receipt);

/*
 * Claims an idempotency key for a request that is known by a hash of all that
 * it asks for.  PUSH_OK: it is the first, and push_store_key_done() must
 * follow.  PUSH_OVER: it was answered before, receipt is that answer.
 * PUSH_KEY_REUSED, PUSH_KEY_BUSY, PUSH_NO_MEMORY, PUSH_BUSY.
 */
push_status_t push_store_key_claim(push_store_t *store, push_text_t key,
                                   uint64_t request, const push_time_t *now,
                                   push_receipt_t *receipt);

/* Keeps the answer, or (NULL) forgets the key: the request failed. */
void push_store_key_done(push_store_t *store, push_text_t key,
                         const push_receipt_t *receipt);

/* A hash for push_store_key_claim(), over the parts with their lengths. */
uint64_t push_store_request_hash(const push_store_t *store,
                                 const push_text_t *parts, unsigned count);

#endif
