#ifndef PUSH_VALIDATE_H
#define PUSH_VALIDATE_H

#include "core/health.h"
#include "store/shard/store.h"

/*
 * Looks whether all that is derived agrees with the objects: tables, lists,
 * logs, windows, counts.  For tests, and for administrators who ask.
 */

/* Locks one shard after the other.  Costs time and memory: not for each day. */
void push_validate(push_store_t *store, push_check_t *check);

#endif
