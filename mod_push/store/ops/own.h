#ifndef PUSH_OWN_H
#define PUSH_OWN_H

#include "store/shard/owned.h"

/* A context of this node, found and let go of: for export, import, disown. */

/* A context with its shard locked. */
typedef struct push_own_t {
    push_store_t *store;
    push_name_t name; /* of its user */
    push_device_t *device;
    push_owned_t *owned;
} push_own_t;

/*
 * PUSH_OK: the lock is held, and push_shard_leave() follows.  PUSH_NOT_FOUND:
 * it is not here; PUSH_BUSY.
 */
push_status_t push_own_enter(push_store_t *store, push_text_t user,
                             const unsigned char *id, push_own_t *own);

/* ---- with the lock of the shard ---- */

/* Its stream ends, if it has one: as superseded, or if it began unsure a
 * moment ago it is to come again. */
void push_own_end_stream(push_own_t *own, const push_time_t *now);

/*
 * It is ours no more; it goes when its stream has seen that.  elsewhere: to
 * another node, so nobody is told here that it is offline.
 */
void push_own_forget(push_own_t *own, bool elsewhere, const push_time_t *now);

#endif
