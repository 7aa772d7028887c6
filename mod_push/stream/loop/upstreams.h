#ifndef PUSH_UPSTREAMS_H
#define PUSH_UPSTREAMS_H

#include "store/shard/store.h"
#include "websocket/inbound.h"

/*
 * What is not done yet of what clients said, by the index of their stream.
 * Most streams have none, and cost nothing here.  One thread.
 */

typedef struct push_upstream_t {
    push_inbound_t inbound;
    uint64_t ack_seq; /* an acknowledgement that found a lock busy */
    uint64_t ack_mid;
    bool acks;
    bool ack_has_mid;
    bool pongs; /* a pong is owed, with this payload */
    uint8_t pong_len;
    char pong[PUSH_CONTROL_MAX];
} push_upstream_t;

typedef struct push_upstreams_t {
    push_store_t *store;       /* of their devices */
    push_counts_t *counts;     /* of who reads */
    push_upstream_t ***pieces; /* of 256 streams each; NULL: none has any */
    uint32_t count;
} push_upstreams_t;

/* NULL if there is none. */
push_upstream_t *push_upstreams_get(const push_upstreams_t *upstreams,
                                    uint32_t index);

/* Keeps a copy of upstream, with all that it owns; false: no memory. */
bool push_upstreams_put(push_upstreams_t *upstreams, uint32_t index,
                        const push_upstream_t *upstream);

/* Forgets it, and frees what it owns. */
void push_upstreams_drop(push_upstreams_t *upstreams, uint32_t index);

void push_upstreams_cleanup(push_upstreams_t *upstreams);

#endif
