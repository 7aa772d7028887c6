/* receive.h - bytes of the stream to the parser, to the session. The driving
 * thread only. */
#ifndef PUSHC_RECEIVE_H
#define PUSHC_RECEIVE_H

#include "client_state.h"

/* The callbacks of a stream's exchange; their context is the client. */
extern const struct pushc_exchange_ops pushc_receive_ops;

/* Parse the backlog, as far as the session has room, or all of it. */
void pushc_receive_backlog(pushc_client *c, int all);

#endif
