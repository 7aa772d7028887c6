/* stream.h - the stream of a client: one attempt after the other. The driving
 * thread only. */
#ifndef PUSHC_STREAM_H
#define PUSHC_STREAM_H

#include "client_state.h"

/* Begin an attempt. */
void pushc_stream_connect(pushc_client *c);

/* If the exchange has ended, or was dropped: follow a redirect, wait for the
 * next attempt, or finish the client. */
void pushc_stream_settle(pushc_client *c);

/* Look at the clock: deadline, silence, next attempt. */
void pushc_stream_check(pushc_client *c, uint64_t now);

/* The machine slept, or the network came back: what is known of the stream
 * is old, and waiting makes no sense. */
void pushc_stream_wake(pushc_client *c, uint64_t now);

/* The time of the next check, ms. */
uint64_t pushc_stream_due(const pushc_client *c);

#endif
