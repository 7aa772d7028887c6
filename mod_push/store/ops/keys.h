#ifndef PUSH_KEYS_H
#define PUSH_KEYS_H

#include "core/publication.h"
#include "store/shard/store.h"

/*
 * Idempotency keys: claimed before their message is published, answered after.
 * The same key for another audience is another key.
 */

/* The claim of a request with a key. */
void push_store_key_name(const push_store_t *store,
                         const push_publication_t *publication,
                         push_claim_t *claim);

/*
 * The answer to the same request under a key that counted for all audiences,
 * as a state on disk may have it.  PUSH_OK: there is none; PUSH_OVER: receipt
 * is that answer; PUSH_BUSY.
 */
push_status_t push_store_key_of_old(push_store_t *store,
                                    const push_publication_t *publication,
                                    const push_claim_t *claim,
                                    push_receipt_t *receipt);

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

#endif
