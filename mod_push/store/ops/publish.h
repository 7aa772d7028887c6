#ifndef PUSH_PUBLISH_H
#define PUSH_PUBLISH_H

#include "core/publication.h"
#include "store/shard/store.h"

/*
 * Publishing: from a checked draft to the mailboxes, and the wake-ups; and the
 * idempotency keys, which broker/local.c claims before and answers after.
 */

/*
 * Publishes, whatever the key says; on disk the key, if answer->keyed, joins
 * its message.  PUSH_NO_MEMORY, PUSH_MAILBOX_FULL: nothing was changed.
 * PUSH_BUSY: a lock could not be had; nothing was changed.
 */
push_status_t push_store_publish(push_store_t *store,
                                 const push_publication_t *publication,
                                 push_commit_t *commit, push_answer_t *answer);

/* The claim of a request with this key. */
void push_store_key_name(push_text_t key, uint64_t request,
                         push_claim_t *claim);

/*
 * Claims an idempotency key for a request.  PUSH_OK: it is the first;
 * audience->mid is the one that it must publish with, so that should this
 * process die it can be told whether it did; push_store_key_done() must
 * follow.  PUSH_OVER: it was answered before, receipt is that answer.
 * PUSH_KEY_REUSED, PUSH_KEY_BUSY, PUSH_NO_MEMORY, PUSH_BUSY.
 */
push_status_t push_store_key_claim(push_store_t *store,
                                   const push_claim_t *claim,
                                   push_audience_t *audience,
                                   const push_time_t *now,
                                   push_receipt_t *receipt);

/* Keeps the answer, or (NULL) forgets the key: the request failed. */
void push_store_key_done(push_store_t *store, const push_claim_t *claim,
                         const push_receipt_t *receipt);

/* Forgets keys whose window is over, and ends the claims of the dead. */
void push_store_keys_sweep(push_store_t *store, unsigned shard,
                           const push_time_t *now);

/* A mid for a message to this audience. */
uint64_t push_store_next_mid(push_store_t *store,
                             const push_audience_t *audience,
                             const push_time_t *now);

/*
 * What the publisher of a message would be told now.  PUSH_NOT_FOUND if no
 * log has it, PUSH_BUSY.
 */
push_status_t push_store_lookup(push_store_t *store, uint64_t mid,
                                push_receipt_t *receipt);

#endif
