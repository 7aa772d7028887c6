/* ack.h - the acknowledgements of a client. The driving thread only. */
#ifndef PUSHC_ACK_H
#define PUSHC_ACK_H

#include "client_state.h"

/* Send an acknowledgement if one is due, and give up one without answer. */
void pushc_ack_check(pushc_client *c, uint64_t now);

/* Give up the acknowledgement under way, if any; it is due again. */
void pushc_ack_cancel(pushc_client *c);

/* The time of the next check, ms. */
uint64_t pushc_ack_due(const pushc_client *c);

#endif
