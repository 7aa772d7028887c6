#ifndef PUSH_PUBLISH_H
#define PUSH_PUBLISH_H

#include "store/shard/store.h"

/* Publishing: from a checked draft to the mailboxes, and the wake-ups. */

/* To whom: one user (draft->device: one device), one channel, or all. */
typedef struct push_audience_t {
    push_log_kind_t kind;
    push_text_t name; /* of the user or the channel */
    uint64_t mid;     /* that a key was claimed with; 0: any */
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

/* A key, and a hash of all that its request asks for. */
typedef struct push_claim_t {
    push_text_t key;
    uint64_t request;
} push_claim_t;
/* What a publisher asks for, with the key that it may have given. */
typedef struct push_request_t {
    const push_audience_t *audience;
    const push_draft_t *draft;
    push_text_t key; /* empty for none */
    uint64_t hash;   /* push_store_request_hash() of the request, with a key */
} push_request_t;

/* The same, whatever the key says; on disk it joins its message. */
push_status_t push_store_publish_request(push_store_t *store,
                                         const push_request_t *request,
                                         const push_time_t *now,
                                         push_receipt_t *receipt);

/*
 * ---- a request from its claim to its answer (store/ops/accept.c) ----
 *
 * push_accept_begin(), any number of push_accept_publish(), then for each of
 * them that gave PUSH_OK push_accept_settle() with what push_accept_wait()
 * gave.  All in one thread.
 */

void push_accept_begin(const push_store_t *store);

/*
 * PUSH_OVER: it was answered before, receipt is that answer; nothing is to be
 * settled.  PUSH_NO_STATE: the disk takes nothing; nothing was published.
 * Else as push_store_key_claim() and push_store_publish().
 */
push_status_t push_accept_publish(push_store_t *store,
                                  const push_request_t *request,
                                  const push_time_t *now,
                                  push_receipt_t *receipt);

/* With `commit`, blocks until all is on disk.  PUSH_NO_STATE: it may not be. */
push_status_t push_accept_wait(push_store_t *store);

/*
 * Gives status back.  On PUSH_NO_STATE a message without a key is recalled;
 * one with a key stays, and a repeated request is answered with it as soon as
 * it is on disk.
 */
push_status_t push_accept_settle(push_store_t *store, push_text_t key,
                                 const push_receipt_t *receipt,
                                 push_status_t status);

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

/* Forgets keys whose window is over, and ends the claims of the dead. */
void push_store_keys_sweep(push_store_t *store, unsigned shard,
                           const push_time_t *now);

/* Keeps the answer, or (NULL) forgets the key: the request failed. */
void push_store_key_done(push_store_t *store, push_text_t key,
                         const push_receipt_t *receipt);

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

/* A hash for push_store_key_claim(), over the parts with their lengths. */
uint64_t push_store_request_hash(const push_store_t *store,
                                 const push_text_t *parts, unsigned count);

#endif
