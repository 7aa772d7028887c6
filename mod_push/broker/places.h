#ifndef PUSH_BROKER_PLACES_H
#define PUSH_BROKER_PLACES_H

#include "core/checkin.h"
#include "core/fences.h"
#include "core/publication.h"
#include "core/where.h"

struct push_broker_t;

/*
 * The part of a broker's table that is about where devices are.  Devices are
 * named as for ack(): by the user and the labels of a check-in.  Each may give
 * PUSH_BUSY.
 */
typedef struct push_place_calls_t {
    /*
     * Where a report leads; see push_fences_visit(), visit->fix has all but
     * inside.  Nothing is changed.  PUSH_NOT_FOUND: the user has no such
     * device; PUSH_LIMITED: it has reported less than a second ago.
     */
    push_status_t (*visit)(struct push_broker_t *broker,
                           const push_checkin_t *checkin, push_visit_t *visit);

    /* From now on the device is there. */
    push_status_t (*keep)(struct push_broker_t *broker,
                          const push_visit_t *visit);

    /* PUSH_NOT_FOUND: nobody knew where it is. */
    push_status_t (*forget)(struct push_broker_t *broker,
                            const push_checkin_t *checkin);

    /* PUSH_TOO_MANY. */
    push_status_t (*put)(struct push_broker_t *broker,
                         const push_fence_view_t *fence);

    /* PUSH_NOT_FOUND, as also the next of a name that is none. */
    push_status_t (*remove)(struct push_broker_t *broker, push_text_t name);

    push_status_t (*fences)(struct push_broker_t *broker,
                            const push_fence_visitor_t *visitor);
} push_place_calls_t;

/* True if it is for devices that are near somewhere: PUSH_UNPLACED where nobody
 * says where devices are. */
static inline bool push_publication_asks_place(
    const push_publication_t *publication)
{
    return publication->spec.where.len
           && push_where_asks(publication->spec.where, PUSH_SUBJECT_NEAR);
}

#endif
