#include "store/shm/epoch.h"

#include <stdatomic.h>
#include <stdlib.h>

/*
 * The idea: a list of retired objects for each of three epochs.  An object
 * goes on the list of the epoch that is current when it leaves its log, linked
 * through its own first four bytes, which no reader looks at.  The epoch moves
 * on when every seat is idle or reads in the current one, and nobody is in a
 * shard.  Then every reader began after the objects of the epoch before had
 * left their logs, so that list is freed.  Whoever leaves a shard tries this
 * while many objects wait, and so does each sweep.
 *
 * The alternative is a count a message and stream: two atomic operations on a
 * shared line for each delivery.
 */

/* So many objects wait before somebody tries to end the epoch for them. */
#define ENOUGH 256u

void push_epoch_enter(const push_epoch_t *epoch, push_seat_t *seat)
{
    uint64_t now = atomic_load(&epoch->segment->retired.epoch);

    /* Sequentially consistent: what we read next is read after the sign. */
    atomic_store(&seat->reading, now + 1);
}

void push_epoch_leave(push_seat_t *seat)
{
    atomic_store_explicit(&seat->reading, 0, memory_order_release);
}

static uint32_t *link_of(const push_epoch_t *epoch, push_ref_t ref)
{
    return (uint32_t *)(void *)(epoch->slab->base
                                + (uint64_t)ref * PUSH_REF_UNIT);
}

/*
 * With the lock of the retired lists.  The object's tag says first that it is
 * here.
 */
static void put(push_epoch_t *epoch, push_ref_t ref)
{
    push_retired_t *retired = &epoch->segment->retired;
    unsigned which = (unsigned)(atomic_load(&retired->epoch) % PUSH_EPOCHS);

    push_slab_set_tag(epoch->slab, ref, PUSH_TAG_RETIRED);
    PUSH_FAILPOINT("retire-tagged");
    *link_of(epoch, ref) = retired->lists[which];
    retired->lists[which] = ref;
    atomic_fetch_add(&retired->waiting, 1);
    PUSH_FAILPOINT("retire-linked");
}

typedef struct {
    push_ref_t *refs;
    size_t count, room;
} found_t;

static bool find_retired(void *data, const push_object_t *object)
{
    found_t *found = data;

    if (object->tag != PUSH_TAG_RETIRED) {
        return true;
    }
    if (found->count == found->room) {
        size_t room = found->room ? found->room * 2 : 256;
        push_ref_t *refs = realloc(found->refs, room * sizeof(*refs));

        if (!refs) {
            return false;
        }
        found->refs = refs;
        found->room = room;
    }
    found->refs[found->count++] = object->ref;
    return true;
}

/*
 * A process died while it changed the lists.  What is retired says so itself;
 * all of it waits for two more epochs.
 */
static bool repair_retired(push_epoch_t *epoch)
{
    push_retired_t *retired = &epoch->segment->retired;
    found_t found = {0};
    bool whole = push_slab_each(epoch->slab, find_retired, &found);

    if (whole) {
        for (int i = 0; i < PUSH_EPOCHS; i++) {
            retired->lists[i] = PUSH_NONE;
        }
        atomic_store(&retired->waiting, 0);
        for (size_t i = 0; i < found.count; i++) {
            put(epoch, found.refs[i]);
            PUSH_FAILPOINT("retired-repair");
        }
        retired->damaged = 0;
    }
    free(found.refs);
    return whole;
}

/* Damage that could not be repaired keeps everybody out until it is. */
static bool lock_retired(push_epoch_t *epoch)
{
    push_retired_t *retired = &epoch->segment->retired;
    push_lock_status_t status = push_lock_acquire(&retired->lock);

    if (status == PUSH_LOCK_BUSY) {
        return false;
    }
    if (status == PUSH_LOCKED_AFTER_DEATH) {
        retired->damaged = 1;
        atomic_fetch_add(&epoch->segment->recovered, 1);
    }
    if (retired->damaged && !repair_retired(epoch)) {
        push_lock_release(&retired->lock);
        return false;
    }
    return true;
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

/*
 * One by one: an object is in the list or not retired any more, but for the
 * moment between, after which the lists are derived anew.
 */
static void free_list(push_epoch_t *epoch, unsigned which)
{
    push_retired_t *retired = &epoch->segment->retired;

    while (retired->lists[which]) {
        push_ref_t ref = retired->lists[which];
        push_ref_t next = *link_of(epoch, ref);

        if (!push_slab_release(epoch->slab, ref)) {
            return;
        }
        PUSH_FAILPOINT("retired-freed");
        retired->lists[which] = next;
        atomic_fetch_sub(&retired->waiting, 1);
    }
}

/* With the lock of the retired lists. */
static void try_advance(push_epoch_t *epoch)
{
    push_retired_t *retired = &epoch->segment->retired;
    uint64_t now = atomic_load(&retired->epoch);

    if (all_readers_in(epoch, now)) {
        unsigned last = (unsigned)((now + 2) % PUSH_EPOCHS);

        free_list(epoch, last);
        if (!retired->lists[last]) {
            PUSH_FAILPOINT("epoch-freed");
            atomic_store(&retired->epoch, now + 1);
        }
    }
}

bool push_epoch_retire(push_epoch_t *epoch, push_ref_t ref)
{
    if (!lock_retired(epoch)) {
        return false;
    }
    put(epoch, ref);
    push_lock_release(&epoch->segment->retired.lock);
    return true;
}

void push_epoch_advance(push_epoch_t *epoch)
{
    if (!lock_retired(epoch)) {
        return;
    }
    for (int i = 0; i < PUSH_EPOCHS; i++) {
        try_advance(epoch);
    }
    push_lock_release(&epoch->segment->retired.lock);
}

void push_epoch_tidy(push_epoch_t *epoch)
{
    if (atomic_load_explicit(&epoch->segment->retired.waiting,
                             memory_order_relaxed)
            < ENOUGH
        || !lock_retired(epoch)) {
        return;
    }
    try_advance(epoch);
    push_lock_release(&epoch->segment->retired.lock);
}
