#ifndef PUSH_POSITIONS_H
#define PUSH_POSITIONS_H

#include "core/fences.h"
#include "store/shm/lock.h"

/*
 * Where devices are, and the fences that they cross: a shared mapping of its
 * own beside the segment, made by the parent where PushPositions is on, kept
 * over graceful restarts and saved nowhere.
 */

#define PUSH_POSITION_LOCKS 64u

typedef struct push_positions_t {
    push_lock_t locks[PUSH_POSITION_LOCKS]; /* of the sets, set % locks */
    push_lock_t fence_lock;
    push_places_t places;
    push_fences_t fences;
} push_positions_t;

/* In zeroed shared memory; false with errno. */
bool push_positions_create(push_positions_t *positions);

/* ---- any thread; each may give PUSH_BUSY ---- */

/*
 * What a report of a device of this user leads to (push_fences_visit()); the
 * visit has its id, and of its fix all but inside.  Nothing is changed.  PUSH_LIMITED: the
 * last one was less than PUSH_POSITION_EVERY_MS ago.
 */
#define PUSH_POSITION_EVERY_MS 1000

push_status_t push_positions_visit(push_positions_t *positions,
                                   push_text_t user, push_visit_t *visit);

/* From now on the device is there. */
push_status_t push_positions_keep(push_positions_t *positions,
                                  const unsigned char *id,
                                  const push_fix_t *fix);

/* PUSH_NOT_FOUND: nobody knew. */
push_status_t push_positions_forget(push_positions_t *positions,
                                    const unsigned char *id);

/* PUSH_TOO_MANY. */
push_status_t push_positions_put(push_positions_t *positions,
                                 const push_fence_view_t *fence, int64_t now);

/* PUSH_NOT_FOUND. */
push_status_t push_positions_remove(push_positions_t *positions,
                                    push_text_t name, int64_t now);

/* PUSH_NOT_FOUND: there is none of this name. */
push_status_t push_positions_fences(push_positions_t *positions,
                                    const push_fence_visitor_t *visitor,
                                    int64_t now);

#endif
