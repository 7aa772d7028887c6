#ifndef PUSH_RELAY_CALLS_H
#define PUSH_RELAY_CALLS_H

#include "broker/relay/state.h"

/* Calls of Redis, which the courier has meanwhile; and what wakes the thread. */

/* Begins its command anew, for a partition. */
push_command_t *push_relay_call_begin(push_relay_t *relay,
                                      push_relay_call_t *call,
                                      unsigned partition);

/* Sends the command that is in the call; over() follows. */
void push_relay_call(push_relay_call_t *call);

/* Tells those that are over. */
void push_relay_calls_finish(push_relay_t *relay);

/* Any thread. */
void push_relay_wake(push_relay_t *relay);

#endif
