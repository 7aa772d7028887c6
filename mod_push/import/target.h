#ifndef PUSH_IMPORT_TARGET_H
#define PUSH_IMPORT_TARGET_H

#include "broker/library/cluster_calls.h"
#include "import/options.h"
#include "redis/client.h"

/*
 * The cluster into which all goes.  One thread; each call blocks.  It has the
 * number of a node, as devices can only be claimed by one, and gives it back.
 */

#define PUSH_TARGET_WHY 512

typedef struct push_target_t {
    const push_import_options_t *options;
    push_redis_settings_t redis;
    push_client_t *client;
    uint64_t hash_key[2];                  /* of the state */
    unsigned char check[PUSH_CHECK_BYTES]; /* of the secret */
    uint64_t names[2];         /* likewise: by which revocations are found */
    unsigned owner;            /* our number; PUSH_OWNER_NOBODY: none yet */
    int64_t leased;            /* by push_redis_now() */
    char trouble[256];         /* the last one that the client had */
    char why[PUSH_TARGET_WHY]; /* why it may not be, or a call failed */
} push_target_t;

/*
 * False, and says why: it cannot be reached, its secret is another one, or it
 * hashes names by another key than the state.  A cluster that is new gets the
 * state's.
 */
bool push_target_open(push_target_t *target,
                      const push_import_options_t *options,
                      const uint64_t hash_key[2]);
void push_target_close(push_target_t *target);

push_home_t push_target_home(const push_target_t *target, unsigned partition);

/*
 * True: there is an answer, which is no error; the caller reads it and cleans
 * up.  False: why says why, and the request is cleaned up.  Keeps the number,
 * too.
 */
bool push_target_call(push_target_t *target, push_request_t *request);

/* An answer was not what it must be; returns false. */
bool push_target_strange(push_target_t *target);

#endif
