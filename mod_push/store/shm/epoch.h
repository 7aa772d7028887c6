#ifndef PUSH_EPOCH_H
#define PUSH_EPOCH_H

#include "store/shm/segment.h"

/*
 * Epoch-based reclamation (Fraser 2004): reactors write message bytes to
 * sockets straight from the segment, with no lock and no count a message.  A
 * reactor says when it begins to read and when it has finished; an object
 * that is retired meanwhile is reused only two epochs later, and an epoch
 * ends only when every reader has been seen in it.
 */

/*
 * A thread that has a shard locked may read logs of other shards too, which
 * need no lock; no epoch ends while somebody is in a shard.
 */

typedef struct push_epoch_t {
    push_segment_t *segment;
    push_seat_t *seats;
    push_slab_t *slab;
} push_epoch_t;

/* ---- the reactor that owns the seat ---- */
void push_epoch_enter(const push_epoch_t *epoch, push_seat_t *seat);
void push_epoch_leave(push_seat_t *seat);

/* ---- any thread ---- */

/*
 * Frees the object when nobody can be reading it any more.  False if the
 * retired lists are busy: then it still belongs to its shard.
 */
bool push_epoch_retire(push_epoch_t *epoch, push_ref_t ref);

/* Frees what can be freed now, or only if much is waiting.  Outside shards. */
void push_epoch_advance(push_epoch_t *epoch);
void push_epoch_tidy(push_epoch_t *epoch);

#endif
