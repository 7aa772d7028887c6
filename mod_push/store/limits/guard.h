#ifndef PUSH_GUARD_H
#define PUSH_GUARD_H

#include <stdatomic.h>

#include "core/rate.h"
#include "core/types.h"
#include "store/shm/lock.h"

/*
 * The guard holds what all children must agree on to keep somebody out: how
 * often, from where, with which ticket, and since when no more.  A shared
 * mapping of its own beside the segment, made by the parent and kept over
 * graceful restarts.
 *
 * It is made of tables of marks of fixed size: a mark has one of a few
 * entries, found by its hash, so nothing is linked and nothing allocated, and
 * a process that dies leaves at worst one mark that is half written and soon
 * over.
 */

#define PUSH_MARK_SETS  8192u
#define PUSH_MARK_WAYS  16u
#define PUSH_MARK_LOCKS 16u

/* A mark: what is known of one name until some time. */
typedef struct push_mark_t {
    uint64_t id[2]; /* 128 bits of a keyed hash of the name */
    int64_t until;  /* mono ms; from then on the entry is free */
    int64_t value;
} push_mark_t;

typedef struct push_marks_t {
    push_lock_t locks[PUSH_MARK_LOCKS]; /* of the sets, set % locks */
    push_mark_t sets[PUSH_MARK_SETS][PUSH_MARK_WAYS];
} push_marks_t;

/* Two counters an address; the lesser of both is how many streams it has. */
#define PUSH_ADDRESS_COUNTERS 65536u

typedef struct push_address_tally_t {
    uint32_t counts[2][PUSH_ADDRESS_COUNTERS];
} push_address_tally_t;

#define PUSH_GUARD_SECRET 32u

typedef struct push_guard_t {
    unsigned char secret[PUSH_GUARD_SECRET]; /* seals tickets; random */
    uint64_t hash_key[4];                    /* random */
    _Atomic uint32_t revocations;            /* ever made */
    _Atomic uint32_t addresses[2][PUSH_ADDRESS_COUNTERS];
    push_marks_t rates;
    push_marks_t tickets;
    push_marks_t revoked;
    push_marks_t newest;
} push_guard_t;

/* In zeroed shared memory of sizeof(push_guard_t); false: no randomness. */
bool push_guard_create(push_guard_t *guard);

/* ---- any thread ---- */

/*
 * Takes one out of the name's bucket, see push_rate_take().  Where there are
 * more names than entries, the bucket that is fullest is forgotten.
 */
bool push_guard_take(push_guard_t *guard, push_rate_kind_t kind,
                     push_text_t name, uint32_t limit, push_rate_t *rate);

/*
 * Marks a ticket as used until it is over (mono ms).  PUSH_OK the first time;
 * PUSH_OVER: it was used before; PUSH_BUSY: nobody can say, so it is not to be
 * used.
 */
push_status_t push_guard_use(push_guard_t *guard, push_text_t ticket,
                             int64_t until);

/*
 * Keeps the newest value under a name until then (mono ms); false: it is the
 * one that was kept.  Where there are more names than entries, the one that is
 * over first is forgotten.
 */
bool push_guard_differs(push_guard_t *guard, push_text_t name, int64_t value,
                        int64_t until);

/*
 * Refuses the user's tokens that were issued up to now (wall ms) until they
 * are all over (mono ms).  PUSH_BUSY; PUSH_TOO_MANY: no entry is left.
 */
push_status_t push_guard_revoke(push_guard_t *guard, push_text_t user,
                                int64_t now, int64_t until);

/* True if a token of the user that was issued then (wall ms) is refused. */
bool push_guard_revoked(push_guard_t *guard, push_text_t user, int64_t issued);

/* ---- revocations, for the state on disk (store/disk/revocation.h) ---- */

/* Before all else: from now on names have the ids that this key gives. */
void push_guard_rekey(push_guard_t *guard, const uint64_t key[2]);

void push_guard_id(const push_guard_t *guard, push_text_t user,
                   uint64_t id[2]);

/* Copies the mark with this id, until 0 if there is none; false: busy. */
bool push_guard_find(push_guard_t *guard, const uint64_t id[2],
                     push_mark_t *found);

/* Copies the marks of one set, *count of them; false: busy. */
bool push_guard_set(push_guard_t *guard, unsigned set,
                    push_mark_t found[PUSH_MARK_WAYS], unsigned *count);

/* Puts one back, or unites it with the one that is there. */
push_status_t push_guard_restore(push_guard_t *guard, const push_mark_t *mark);

/* ---- streams of an address; guard may be NULL ---- */

/* The counters of an address. */
uint32_t push_guard_address(const push_guard_t *guard, push_text_t address);

/*
 * Sets all counters to those of tally, while nobody enters or leaves: a
 * process that died may have entered and not left.
 */
void push_guard_set_addresses(push_guard_t *guard,
                              const push_address_tally_t *tally);

/* One more stream, counted in a tally. */
void push_guard_tally(push_address_tally_t *tally, uint32_t address);

/* How many streams it has; no fewer than there are. */
uint32_t push_guard_streams(push_guard_t *guard, uint32_t address);

/* One more stream; how many there are with it. */
uint32_t push_guard_enter(push_guard_t *guard, uint32_t address);
void push_guard_leave(push_guard_t *guard, uint32_t address);

#endif
