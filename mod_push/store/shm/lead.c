#include "store/shm/lead.h"

bool push_lead_init(push_lead_t *lead)
{
    for (unsigned i = 0; i < PUSH_LEAD_LOCKS; i++) {
        if (push_lock_init(&lead->locks[i])) {
            return false;
        }
    }
    atomic_store(&lead->term, PUSH_LEAD_NO_TERM + 1);
    return true;
}

static push_lock_t *lock_of(push_lead_t *lead, uint32_t term)
{
    return &lead->locks[term % PUSH_LEAD_LOCKS];
}

static uint32_t next_of(uint32_t term)
{
    return term + 1 == PUSH_LEAD_NO_TERM ? term + 2 : term + 1;
}

/* Tries are counted and no time is measured: who was stopped with all the
 * others blames nobody for it. */
static bool stands_still(push_lead_t *lead, push_lead_try_t *seen)
{
    uint32_t term = atomic_load(&lead->term);
    uint32_t beats = atomic_load(&lead->beats);

    if (seen->term != term || seen->beats != beats) {
        *seen = (push_lead_try_t){.term = term, .beats = beats};
        return false;
    }
    seen->still++;
    return seen->still >= PUSH_LEAD_STILL;
}

/* The lock is not enough: meanwhile the term may have become another one. */
static uint32_t take(push_lead_t *lead, uint32_t term)
{
    const push_lead_ref_t ref = {lead, term};

    if (push_lock_try(lock_of(lead, term)) == PUSH_LOCK_BUSY) {
        return PUSH_LEAD_NO_TERM;
    }
    if (!push_lead_is(&ref)) {
        push_lead_leave(&ref);
        return PUSH_LEAD_NO_TERM;
    }
    push_lead_beat(&ref);
    return term;
}

uint32_t push_lead_try(push_lead_t *lead, push_lead_try_t *seen)
{
    uint32_t term = take(lead, atomic_load(&lead->term));
    bool overtook = false;

    if (!term && stands_still(lead, seen)) {
        uint32_t before = seen->term;

        overtook = atomic_compare_exchange_strong(&lead->term, &before,
                                                  next_of(before));
        term = take(lead, atomic_load(&lead->term));
    }
    if (term) {
        *seen = (push_lead_try_t){.overtook = overtook};
    }
    return term;
}

void push_lead_beat(const push_lead_ref_t *ref)
{
    atomic_fetch_add(&ref->lead->beats, 1);
}

bool push_lead_is(const push_lead_ref_t *ref)
{
    return atomic_load(&ref->lead->term) == ref->term;
}

void push_lead_leave(const push_lead_ref_t *ref)
{
    push_lock_release(lock_of(ref->lead, ref->term));
}
