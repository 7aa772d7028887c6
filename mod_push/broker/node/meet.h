#ifndef PUSH_NODE_MEET_H
#define PUSH_NODE_MEET_H

#include "broker/library/cluster_calls.h"
#include "redis/settings.h"

/*
 * What a node does before it starts, in the server's parent: it looks whether
 * Redis is as a cluster needs it, brings the library there, and gets what all
 * nodes share.  Blocks, for some seconds at most.
 */

#define PUSH_MEET_WHY 512

typedef struct push_meeting_t {
    /* ---- set before ---- */
    const push_redis_settings_t *redis;
    const char *prefix;
    unsigned char check[PUSH_CHECK_BYTES]; /* of PushClusterSecret */
    /* Called for each setting of Redis that costs, but does not hinder. */
    void (*warn)(void *data, const char *sentence);
    void *data;
    /* ---- given ---- */
    uint64_t hash_key[2];    /* by which the cluster hashes names */
    char why[PUSH_MEET_WHY]; /* why this node cannot start */
} push_meeting_t;

/* False, with a sentence in why that says what to do. */
bool push_cluster_meet(push_meeting_t *meeting);

#endif
