#ifndef PUSH_NODE_CLAIM_H
#define PUSH_NODE_CLAIM_H

#include "broker/library/entries.h"
#include "broker/node/node.h"

/*
 * A device comes to this node.  One that is here and ours needs no call; else
 * Redis is asked for it, and its owner, if another node is, gives it up.  An
 * owner that does not answer for a second is forced out, and one that let
 * three of these pass is forced out at once, for ten seconds.
 */

/* As claim() of the broker.  PUSH_NO_STATE: Redis did not say. */
push_status_t push_claim(push_cluster_t *cluster,
                         const push_checkin_t *checkin, const push_time_t *now,
                         push_stream_ref_t *stream_ref, uint64_t *session);

/* Whom a context is for, and what has to be known for a claim without one. */
typedef struct push_claimant_t {
    push_text_t user;
    push_text_t device; /* its id, as the client names it */
    const unsigned char *id;
    const push_text_t *channels; /* that are wanted beside the record's */
    unsigned channels_count;
    uint32_t max_devices;
    uint32_t max_streams; /* 0: any */
    uint32_t waited;      /* ms before the claim */
    bool known;           /* one that has no record is not made */
    bool force;           /* its owner is not asked */
    bool quiet;           /* it is taken of nobody, or of this owner: */
    unsigned from;        /* who is gone, or has nothing of it */
} push_claimant_t;

/*
 * Claims a context and imports it, with all logs that it follows, and no
 * stream: PUSH_OK, it is here and ours, for this moment.  Waits for claims of
 * the same context in this node, and then looks whether it is here already.
 * PUSH_NOT_FOUND (known), PUSH_TOO_MANY_DEVICES, PUSH_TOO_MANY,
 * PUSH_NO_MEMORY, PUSH_BUSY, PUSH_NO_STATE; PUSH_STALE (quiet): it is another
 * node's.
 */
push_status_t push_claim_context(push_cluster_t *cluster,
                                 const push_claimant_t *claimant);

#endif
