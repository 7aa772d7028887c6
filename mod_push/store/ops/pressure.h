#ifndef PUSH_PRESSURE_H
#define PUSH_PRESSURE_H

#include "store/shard/store.h"

/*
 * Full memory.  Above 88 % one who publishes makes room: what nobody waits
 * for goes first, then the oldest pending messages of the lowest urgency, each
 * told to whom it was meant for.  The others do not wait for that.  What is
 * still above it is not for messages of low urgency, and above 90 % for `high`
 * alone.
 */

#define PUSH_PRESSURE_PERCENT 90u
#define PUSH_RELIEF_PERCENT   88u
#define PUSH_PATIENCE_PERCENT 95u /* for `normal`, while another makes room */

/* False if a new message of this urgency must be refused. */
bool push_pressure_admit(push_store_t *store, push_urgency_t urgency,
                         const push_time_t *now);

/* Makes room although there seemed to be some; false if it could not. */
bool push_pressure_relieve(push_store_t *store, push_urgency_t urgency,
                           const push_time_t *now);

/* From the sweep: makes room for who was refused without a look around. */
void push_pressure_relieve_starved(push_store_t *store,
                                   const push_time_t *now);

static inline bool push_pressure_above(const push_store_t *store,
                                       unsigned percent)
{
    return store->segment->slab.used
           > push_slab_size(&store->slab) / 100 * percent;
}

#endif
