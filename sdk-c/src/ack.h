/* ack.h - the acknowledgements of a client. The driving thread only. */
#ifndef PUSHC_ACK_H
#define PUSHC_ACK_H

#include "client_state.h"

/* Send an acknowledgement if one is due, and give up one without answer. */
void pushc_ack_check(pushc_client *c, uint64_t now);

/* Give up the one under way, if any; what it covers is due again. */
void pushc_ack_cancel(pushc_client *c);

/* When to check again, ms. */
uint64_t pushc_ack_due(const pushc_client *c);

#endif
