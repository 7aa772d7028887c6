#ifndef PUSH_REDIS_CLIENT_CALL_H
#define PUSH_REDIS_CLIENT_CALL_H

#include "redis/client.h"

/*
 * Sends, polls and serves until the request is over; done is not called.  For
 * who has no thread yet, the server's start: blocks, and resolves names in this
 * thread.  No signal of a broken connection reaches the process.
 */
void push_client_call(push_client_t *client, push_request_t *request);

#endif
