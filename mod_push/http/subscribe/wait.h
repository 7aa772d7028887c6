#ifndef PUSH_WAIT_H
#define PUSH_WAIT_H

#include "codec/codec.h"
#include "http/params.h"

/*
 * How a request to receive is to be answered: by a stream, which may go over
 * WebSocket, or, with the parameter `wait` or the preference of that name (RFC 7240, section 4.3), as
 * a poll.
 */

typedef struct push_wait_t {
    bool polls;                /* it is a poll */
    bool websocket;            /* it is a stream over WebSocket */
    uint32_t ms;               /* how long it may wait; 0: not at all */
    const push_codec_t *codec; /* what its answer is written by */
} push_wait_t;

/*
 * The codec of a poll follows `Accept`, that of a WebSocket the subprotocol; a
 * stream else has SSE.
 */
const push_problem_t *push_wait_parse(request_rec *r, push_params_t *params,
                                      push_wait_t *wait);

#endif
