/* position.h - reports where the device of a client is. The driving thread
 * only, but for pushc_report_position(). */
#ifndef PUSHC_POSITION_H
#define PUSHC_POSITION_H

#include "client_state.h"

/* Send a report if one is due, and give up one without an answer. */
void pushc_position_check(pushc_client *c, uint64_t now);

/* Give up the report under way, if any, for good. */
void pushc_position_cancel(pushc_client *c);

/* The time of the next check, ms. */
uint64_t pushc_position_due(const pushc_client *c);

#endif
