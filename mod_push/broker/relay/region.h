#ifndef PUSH_RELAY_REGION_H
#define PUSH_RELAY_REGION_H

#include "broker/relay/state.h"

/* One region: what is sent to it, when, and what is reported of it. */

/* False: no memory. */
bool push_region_init(push_region_state_t *region, push_relay_t *relay,
                      unsigned index);
void push_region_cleanup(push_region_state_t *region);

/* ---- the relay's thread ---- */

/* Sends what is ready, unless it is too early. */
void push_region_turn(push_region_state_t *region, int64_t now);

/* When the next turn has something to do at the latest; INT64_MAX: never. */
int64_t push_region_until(const push_region_state_t *region);

/* The transfer of one of its shipments is over. */
void push_region_posted(push_shipment_t *shipment, CURLcode result);

/* Ends transfers, whose messages stay. */
void push_region_abort(push_region_state_t *region);

/* Whether a shipment is under way. */
bool push_region_busy(const push_region_state_t *region);

/* Reports what was lost, once a minute, or now. */
void push_region_report_losses(push_region_state_t *region, int64_t now,
                               bool all);

#endif
