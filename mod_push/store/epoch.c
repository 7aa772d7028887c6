#include "store/epoch.h"

#include <stdatomic.h>

/* So many objects wait before somebody tries to end the epoch for them. */
#define ENOUGH 256u

void push_epoch_enter(const push_epoch_t *epoch, push_seat_t *seat)
{
    uint64_t now = atomic_load(&epoch->segment->limbo.epoch);

    /* Sequentially consistent: what we read next is read after the sign. */
    atomic_store(&seat->reading, now + 1);
}

void push_epoch_leave(push_seat_t *seat)
{
    atomic_store_explicit(&seat->reading, 0, memory_order_release);
}

static bool lock_limbo(push_epoch_t *epoch)
{
    return push_lock_acquire(&epoch->segment->limbo.lock) != PUSH_LOCK_BUSY;
}

static bool all_readers_in(const push_epoch_t *epoch, uint64_t now)
{
    for (uint32_t i = 0; i < epoch->segment->seats; i++) {
        uint64_t reading = atomic_load(&epoch->seats[i].reading);

        if ((reading && reading != now + 1)
            || atomic_load(&epoch->seats[i].visitors)) {
            return false;
        }
    }
    return !atomic_load(&epoch->segment->visitors);
}

static void free_list(push_epoch_t *epoch, unsigned which)
{
    push_limbo_t *limbo = &epoch->segment->limbo;
    push_ref_t ref = limbo->lists[which];

    limbo->lists[which] = PUSH_NONE;
    while (ref) {
        uint32_t *object = (uint32_t *)(void *)(epoch->slab->base
                                                + (uint64_t)ref
                                                      * PUSH_REF_UNIT);
        push_ref_t next = *object;

        push_slab_release(epoch->slab, ref);
        atomic_fetch_sub(&limbo->waiting, 1);
        ref = next;
    }
}

/* With the lock of the limbo. */
static void try_advance(push_epoch_t *epoch)
{
    push_limbo_t *limbo = &epoch->segment->limbo;
    uint64_t now = atomic_load(&limbo->epoch);

    if (all_readers_in(epoch, now)) {
        atomic_store(&limbo->epoch, now + 1);
        free_list(epoch, (unsigned)((now + 2) % PUSH_EPOCHS));
    }
}

void push_epoch_retire(push_epoch_t *epoch, push_ref_t ref)
{
    push_limbo_t *limbo = &epoch->segment->limbo;
    uint32_t *object = (uint32_t *)(void *)(epoch->slab->base
                                            + (uint64_t)ref * PUSH_REF_UNIT);
    unsigned which;

    if (!lock_limbo(epoch)) {
        return;
    }
    which = (unsigned)(atomic_load(&limbo->epoch) % PUSH_EPOCHS);
    *object = limbo->lists[which];
    limbo->lists[which] = ref;
    atomic_fetch_add(&limbo->waiting, 1);
    push_lock_release(&limbo->lock);
}

void push_epoch_advance(push_epoch_t *epoch)
{
    if (!lock_limbo(epoch)) {
        return;
    }
    for (int i = 0; i < PUSH_EPOCHS; i++) {
        try_advance(epoch);
    }
    push_lock_release(&epoch->segment->limbo.lock);
}

void push_epoch_tidy(push_epoch_t *epoch)
{
    if (atomic_load_explicit(&epoch->segment->limbo.waiting,
                             memory_order_relaxed)
            < ENOUGH
        || !lock_limbo(epoch)) {
        return;
    }
    try_advance(epoch);
    push_lock_release(&epoch->segment->limbo.lock);
}
