#ifndef PUSH_AWAITED_H
#define PUSH_AWAITED_H

#include "store/shm/bell.h"
#include "store/shm/lock.h"
#include "store/shm/seat.h"

/*
 * What threads of this node wait for, in shared memory: the link that hears of
 * it may be in another process.  Each wait has a key of 16 bytes, and there is
 * one wait a key at a time: so claims of one device also run one at a time.
 *
 * A wait has an end by the clock.  One that is past it, or whose process has
 * died, is nobody's: the next one takes it.
 */

#define PUSH_AWAITED_KEY  16u
#define PUSH_AWAITED_WAYS 16u
#define PUSH_AWAITED_SETS 128u

/* What happened to a wait. */
#define PUSH_AWAITED_ANSWERED 1u
#define PUSH_AWAITED_REFUSED  2u
#define PUSH_AWAITED_WANTED   4u /* another node asked for it meanwhile */

/* One wait; all but the bell belong to the table's lock. */
typedef struct push_awaited_slot_t {
    push_bell_t bell;  /* rung by whatever happens to it */
    uint32_t tag;      /* seat of the process that waits */
    uint32_t number;   /* of the wait; 0: free */
    uint32_t happened; /* PUSH_AWAITED_* */
    int64_t until;     /* mono ms */
    unsigned char key[PUSH_AWAITED_KEY];
    uint32_t value; /* of the answer */
    uint32_t fence; /* of who wanted it */
    uint16_t by;    /* who wanted it */
} push_awaited_slot_t;

/* Zeroed, but for the lock (push_awaited_init()). */
typedef struct push_awaited_t {
    push_lock_t lock;
    _Atomic uint32_t numbers;
    push_awaited_slot_t slots[PUSH_AWAITED_SETS][PUSH_AWAITED_WAYS];
} push_awaited_t;

/* A wait, as its thread has it. */
typedef struct push_wait_ref_t {
    push_awaited_t *table;
    push_awaited_slot_t *slot;
    uint32_t number;
    uint32_t seen; /* of the bell */
} push_wait_ref_t;

/* What happened so far. */
typedef struct push_wait_result_t {
    uint32_t happened;
    uint32_t value;
    uint32_t fence;
    uint16_t by;
} push_wait_result_t;

bool push_awaited_init(push_awaited_t *table);

/*
 * Begins to wait under the key, for ms at most.  While another thread has one
 * under this key, this one waits for its end, for patience ms: *after says
 * that it did.  PUSH_BUSY: in vain, or there are too many waits.
 */
typedef struct push_wait_begin_t {
    const unsigned char *key;
    const push_seats_t *seats; /* tells who has died; NULL: nobody */
    uint32_t tag;
    int64_t ms;
    int64_t patience;
    bool after;
} push_wait_begin_t;

push_status_t push_awaited_begin(push_awaited_t *table,
                                 push_wait_begin_t *begin,
                                 push_wait_ref_t *wait);

/* A number that no other wait of this node has, for keys that need one. */
uint32_t push_awaited_number(push_awaited_t *table);

/* What happened is forgotten; the wait goes on, for ms from now. */
void push_awaited_again(push_wait_ref_t *wait, int64_t ms);

/* Waits until one of these happens, or for ms; gives all that happened. */
push_wait_result_t push_awaited_wait(push_wait_ref_t *wait, uint32_t what,
                                     int64_t ms);

/* Ends the wait, and gives all that happened until then. */
push_wait_result_t push_awaited_end(push_wait_ref_t *wait);

/* ---- the link ---- */

/* Whether somebody has a wait under the key. */
bool push_awaited_has(push_awaited_t *table, const unsigned char *key);

/*
 * Tells who waits under the key; false: nobody does, or (the lock is held by
 * a process that is stopped) nobody can be told.
 */
bool push_awaited_tell(push_awaited_t *table, const unsigned char *key,
                       const push_wait_result_t *result);

#endif
