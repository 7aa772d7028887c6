#ifndef PUSH_PUBLICATION_H
#define PUSH_PUBLICATION_H

#include "core/commit.h"
#include "core/idempotency.h"
#include "core/log.h"
#include "core/rate.h"

/* The audience: one user (spec.device: one device), one channel, or all. */
typedef struct push_audience_t {
    push_log_kind_t kind;
    push_text_t name; /* of the user or the channel */
    uint64_t mid;     /* that a key was claimed with; 0: any */
} push_audience_t;

/*
 * A message that a request names.  Who published it knows for whom it was;
 * where that is said, no other log is searched, and a message that is there
 * for somebody else is not found.
 */
typedef struct push_sought_t {
    uint64_t mid;
    bool later;               /* it is what is kept under this id */
    bool addressed;           /* what follows is said */
    push_audience_t audience; /* its mid is not used */
    push_text_t device;       /* of a user's message; empty: not said */
} push_sought_t;

/* One message that is to be published, checked; its texts are borrowed. */
typedef struct push_publication_t {
    push_audience_t audience;
    push_message_spec_t spec;
    push_text_t key; /* idempotency key; empty for none */
    push_time_t now; /* when it came */
    int64_t at;      /* wall ms: not before; 0, or not after now: at once */
    uint32_t rate;   /* a second, to this user, where the broker paces; 0: any
                        number */
    bool relayed; /* another region has sent it: it goes to no further one */
} push_publication_t;

/* An idempotency key as it is known, with what its request asks for. */
typedef struct push_claim_t {
    unsigned char id[PUSH_KEY_BYTES];
    uint64_t request; /* a hash of all of it */
} push_claim_t;

/* The outcome of a publication; it borrows nothing. */
typedef struct push_answer_t {
    push_receipt_t receipt;
    push_claim_t claim;           /* if keyed */
    struct push_flight_t *flight; /* what a cluster's node has under way */
    push_rate_t rate;             /* as publication->rate has left it; limit 0:
                                     nobody says */
    bool keyed;
    bool again;     /* the receipt is that of an earlier request */
    bool scheduled; /* it is kept until publication->at; receipt.mid is the id
                       by which that can be recalled, not the message's */
} push_answer_t;

#endif
