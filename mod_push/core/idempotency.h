#ifndef PUSH_IDEMPOTENCY_H
#define PUSH_IDEMPOTENCY_H

#include <stdbool.h>

#include "core/user.h"

/*
 * The idempotency window: a publisher that repeats a request under the same
 * key gets the first answer again (draft-ietf-httpapi-idempotency-key-header).
 * A key is known by 128 bits of the SHA-256 of its audience and the publisher's
 * text, a request by 64 bits of the hash of all that it asks for.
 */

#define PUSH_KEY_BYTES 16
#define PUSH_KEY_MAX   255 /* bytes of a publisher's key */

typedef struct push_key_t {
    push_node_t node; /* in its table */
    unsigned char id[PUSH_KEY_BYTES];
    uint32_t claimant; /* seat and incarnation of who runs the request */
    uint64_t request;
    int64_t until;          /* mono ms; the end of the window */
    push_receipt_t receipt; /* its mid is set before the publish */
    uint32_t done;          /* 0 while the first request still runs */
} push_key_t;

typedef enum push_replay_t {
    PUSH_REPLAY_FIRST, /* the window has passed: as if it were new */
    PUSH_REPLAY_BUSY,  /* the first one still runs */
    PUSH_REPLAY_OTHER, /* the key was used for another request */
    PUSH_REPLAY_ANSWER /* give the first answer again */
} push_replay_t;

push_replay_t push_key_replay(const push_key_t *key, uint64_t request,
                              const push_time_t *now);

void push_key_init(push_key_t *key, const unsigned char *id, uint64_t request,
                   int64_t until);

#endif
