#ifndef PUSH_VALIDATE_H
#define PUSH_VALIDATE_H

#include "store/shard/store.h"

/*
 * Looks whether all that is derived agrees with the objects: tables, lists,
 * logs, windows, counts.  For tests, and for administrators who ask.
 */

#define PUSH_WRONG_MAX  8u
#define PUSH_WRONG_TEXT 120u

typedef struct push_check_t {
    /* what was looked at */
    uint64_t users, devices, channels, keys, messages, outcomes, holds;
    uint64_t objects; /* of the slab, in all */
    /* what is wrong */
    uint64_t wrong;   /* in all; the first of them as texts */
    uint64_t leaked;  /* objects that nothing refers to; not counted above */
    uint64_t skipped; /* shards whose lock was busy */
    char texts[PUSH_WRONG_MAX][PUSH_WRONG_TEXT];
} push_check_t;

/* Locks one shard after the other.  Costs time and memory: not for each day. */
void push_validate(push_store_t *store, push_check_t *check);

#endif
