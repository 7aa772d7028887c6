#ifndef PUSH_LIBRARY_CLUSTER_CALLS_H
#define PUSH_LIBRARY_CLUSTER_CALLS_H

#include "broker/library/library.h"

/* What all nodes of a cluster share; partition 0. */

#define PUSH_CHECK_BYTES 16

/* ---- push_meta: made by who is first, the same for all ---- */

typedef struct push_meta_call_t {
    push_home_t home;
    uint64_t hash_key[2];                  /* taken if there is none yet */
    unsigned char check[PUSH_CHECK_BYTES]; /* of PushClusterSecret; likewise */
} push_meta_call_t;

typedef struct push_meta_reply_t {
    push_vm_t vm;
    uint64_t hash_key[2];
    unsigned char check[PUSH_CHECK_BYTES];
    unsigned char epoch[8];
} push_meta_reply_t;

void push_library_meta(push_command_t *command, const push_meta_call_t *call);
bool push_meta_reply(const push_reply_t *reply, push_meta_reply_t *meta);

/*
 * ---- push_lease: this node is alive; who else is ----
 *
 * Takes a number, or renews it.  A number is another node's for 60 s after its
 * last lease.  push_meta's values are made again, should they be lost.
 */
typedef struct push_lease_call_t {
    push_meta_call_t meta;
    unsigned owner;   /* to renew; PUSH_OWNER_NOBODY: to take one */
    push_text_t url;  /* PushClusterUrl */
    push_text_t info; /* counters, as nodes agree; at most 4096 bytes */
} push_lease_call_t;

typedef enum push_leased_t {
    PUSH_LEASED,
    PUSH_LEASE_LOST, /* the number is another node's now */
    PUSH_LEASE_FULL  /* all numbers are taken */
} push_leased_t;

typedef struct push_peer_t {
    unsigned owner;
    int64_t age; /* ms since its last lease */
    push_text_t url;
    push_text_t info;
} push_peer_t;

typedef struct push_lease_reply_t {
    push_leased_t outcome;
    unsigned owner; /* this node's */
    push_meta_reply_t meta;
    unsigned count;
    push_peer_t peers[PUSH_CLUSTER_NODES]; /* this node included */
} push_lease_reply_t;

void push_library_lease(push_command_t *command,
                        const push_lease_call_t *call);
bool push_lease_reply(const push_reply_t *reply, push_lease_reply_t *lease);

/* ---- push_hold: who does something for all, alone, for so long ---- */

typedef struct push_hold_call_t {
    push_home_t home;
    push_text_t name; /* of what is done; no region has it */
    unsigned owner;
    int64_t ms;
} push_hold_call_t;

void push_library_hold(push_command_t *command, const push_hold_call_t *call);
bool push_hold_reply(const push_reply_t *reply, bool *held);
/*
 * push_resign: the node ends.  To a partition of each master: nobody there
 * waits for it any more; where that is partition 0, its number is free at
 * once.
 */
void push_library_resign(push_command_t *command, const push_home_t *home,
                         unsigned owner);

#endif
