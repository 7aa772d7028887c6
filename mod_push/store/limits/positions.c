#include "store/limits/positions.h"

/*
 * Each lock is held for one look at a set or at the fences, with no other
 * lock; who decides by where a device is takes none (core/places.c).
 */

bool push_positions_create(push_positions_t *positions)
{
    for (unsigned i = 0; i < PUSH_POSITION_LOCKS; i++) {
        if (push_lock_init(&positions->locks[i])) {
            return false;
        }
    }
    return !push_lock_init(&positions->fence_lock);
}

static push_lock_t *lock_of(push_positions_t *positions,
                            const unsigned char *id)
{
    return &positions->locks[push_places_set(id) % PUSH_POSITION_LOCKS];
}

/* ---- where devices are ---- */

push_status_t push_positions_visit(push_positions_t *positions,
                                   push_text_t user, push_visit_t *visit)
{
    push_fix_t before;
    bool known;

    push_places_tick(&positions->places, visit->fix.at);
    known = push_places_find(&positions->places, visit->id, &before);
    if (known && visit->fix.at < before.at + PUSH_POSITION_EVERY_MS) {
        return PUSH_LIMITED;
    }
    if (push_lock_acquire(&positions->fence_lock) == PUSH_LOCK_BUSY) {
        return PUSH_BUSY;
    }
    push_fences_visit(&positions->fences, user, known ? &before : NULL, visit);
    push_lock_release(&positions->fence_lock);
    return PUSH_OK;
}

push_status_t push_positions_keep(push_positions_t *positions,
                                  const unsigned char *id,
                                  const push_fix_t *fix)
{
    if (push_lock_acquire(lock_of(positions, id)) == PUSH_LOCK_BUSY) {
        return PUSH_BUSY;
    }
    push_places_keep(&positions->places, id, fix);
    push_lock_release(lock_of(positions, id));
    return PUSH_OK;
}

push_status_t push_positions_forget(push_positions_t *positions,
                                    const unsigned char *id)
{
    bool known;

    if (push_lock_acquire(lock_of(positions, id)) == PUSH_LOCK_BUSY) {
        return PUSH_BUSY;
    }
    known = push_places_forget(&positions->places, id);
    push_lock_release(lock_of(positions, id));
    return known ? PUSH_OK : PUSH_NOT_FOUND;
}

/* ---- fences ---- */

push_status_t push_positions_put(push_positions_t *positions,
                                 const push_fence_view_t *fence, int64_t now)
{
    push_status_t status;

    if (push_lock_acquire(&positions->fence_lock) == PUSH_LOCK_BUSY) {
        return PUSH_BUSY;
    }
    status = push_fences_put(&positions->fences, fence, now);
    push_lock_release(&positions->fence_lock);
    return status;
}

push_status_t push_positions_remove(push_positions_t *positions,
                                    push_text_t name, int64_t now)
{
    bool found;

    if (push_lock_acquire(&positions->fence_lock) == PUSH_LOCK_BUSY) {
        return PUSH_BUSY;
    }
    found = push_fences_remove(&positions->fences, name, now);
    push_lock_release(&positions->fence_lock);
    return found ? PUSH_OK : PUSH_NOT_FOUND;
}

static push_status_t show(const push_fences_t *fences,
                          const push_fence_visitor_t *visitor, int64_t now)
{
    push_fence_view_t fence;
    uint32_t at = 0;

    if (visitor->name.len) {
        if (!push_fences_find(fences, visitor->name, now, &fence)) {
            return PUSH_NOT_FOUND;
        }
        visitor->fence(visitor->data, &fence);
        return PUSH_OK;
    }
    while (push_fences_next(fences, &at, now, &fence)) {
        visitor->fence(visitor->data, &fence);
    }
    return PUSH_OK;
}

push_status_t push_positions_fences(push_positions_t *positions,
                                    const push_fence_visitor_t *visitor,
                                    int64_t now)
{
    push_status_t status;

    if (push_lock_acquire(&positions->fence_lock) == PUSH_LOCK_BUSY) {
        return PUSH_BUSY;
    }
    status = show(&positions->fences, visitor, now);
    push_lock_release(&positions->fence_lock);
    return status;
}
