#ifndef PUSH_LEAD_H
#define PUSH_LEAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/shm/lock.h"

/*
 * What one process does for all that share the memory, until it dies or stands
 * still.  The lead is held by a robust lock, so a death is seen by whoever
 * tries next.  A process that was stopped has its lock still, but no beat comes
 * of it: then the lead goes to another one in the next **term**, which has a
 * lock of its own.  Who had the lead before finds that out by the term: it must
 * look before whatever it writes for all.
 */

/* Terms take turns with them, so some processes may stand still at once. */
#define PUSH_LEAD_LOCKS 8u

/* So often one tries in vain, while no beat comes, until it takes the lead. */
#define PUSH_LEAD_STILL 12u

#define PUSH_LEAD_NO_TERM 0u

typedef struct push_lead_t {
    push_lock_t locks[PUSH_LEAD_LOCKS];
    _Atomic uint32_t term;  /* begins with 1 */
    _Atomic uint32_t beats; /* it counts up while its holder works */
    /* somebody may have written for all while it had the lead no more */
    _Atomic bool disturbed;
} push_lead_t;

/* What one who tries has seen; zeroed at first. */
typedef struct push_lead_try_t {
    uint32_t term;
    uint32_t beats;
    unsigned still; /* tries since that changed */
    bool overtook;  /* the lead was taken from one that stands still */
} push_lead_try_t;

/* A term of a lead, for those who write in it. */
typedef struct push_lead_ref_t {
    push_lead_t *lead;
    uint32_t term;
} push_lead_ref_t;

/* In zeroed shared memory; false: no lock can be made. */
bool push_lead_init(push_lead_t *lead);

/* The term in which this thread has the lead now; or PUSH_LEAD_NO_TERM. */
uint32_t push_lead_try(push_lead_t *lead, push_lead_try_t *seen);

/* By the thread that has it: it works. */
void push_lead_beat(const push_lead_ref_t *ref);

/* Whether it is the term still. */
bool push_lead_is(const push_lead_ref_t *ref);

/* By the thread that has, or had, the lead in this term. */
void push_lead_leave(const push_lead_ref_t *ref);

#endif
