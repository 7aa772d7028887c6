#ifndef PUSH_DISOWN_H
#define PUSH_DISOWN_H

#include "store/ops/export.h"

/* What a node has of contexts that are, or come to be, another one's. */

/* Who has it now. */
typedef struct push_taken_t {
    uint32_t fence;
    bool elsewhere; /* another node; else perhaps nobody */
} push_taken_t;

/*
 * The context was taken with this fence or a later one ('Z', FENCED, GONE):
 * its stream ends, see push_own_forget(), and it is forgotten.  A no-op if it is ours
 * by a later fence; fence UINT32_MAX: in any case.  PUSH_NOT_FOUND, PUSH_BUSY.
 */
push_status_t push_store_disown(push_store_t *store, push_text_t user,
                                const unsigned char *id,
                                const push_taken_t *taken,
                                const push_time_t *now);

/* Whether a check-in, or an acknowledgement, finds it here as ours. */
typedef struct push_owned_view_t {
    push_owned_state_t state;
    uint32_t fence;
    bool online;
    int64_t left; /* mono ms; 0 while it is online */
} push_owned_view_t;

/* PUSH_NOT_FOUND: it is not here; PUSH_BUSY. */
push_status_t push_store_owned(push_store_t *store, push_text_t user,
                               const unsigned char *id,
                               push_owned_view_t *view);

/*
 * It is ours by this fence from now on (a claim of what was here: the cluster
 * had lost its record).  PUSH_NOT_FOUND, PUSH_BUSY.
 */
push_status_t push_store_refence(push_store_t *store, push_text_t user,
                                 const unsigned char *id, uint32_t fence);

/* A context that is ours, or was to be given away, as a walk finds it. */
typedef struct push_owned_ref_t {
    unsigned char id[PUSH_CONTEXT_BYTES];
    char user[PUSH_NAME_MAX];
    unsigned user_len;
    uint32_t fence;
} push_owned_ref_t;

/* Where a walk through all shards stands; 0 at first. */
typedef struct push_owned_walk_t {
    unsigned shard;
    uint32_t bucket;
    int64_t before; /* mono ms: those that left before; INT64_MAX: all, */
                    /* also those that are online */
    int64_t stuck;  /* mono ms: and those whose yield began before, and was */
                    /* never settled; 0: none */
    bool done;
} push_owned_walk_t;

/* The next of them, at most room.  A stuck shard is left out. */
unsigned push_owned_walk(push_store_t *store, push_owned_walk_t *walk,
                         push_owned_ref_t *refs, unsigned room);

#endif
