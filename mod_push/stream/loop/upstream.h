#ifndef PUSH_UPSTREAM_H
#define PUSH_UPSTREAM_H

#include "stream/loop/stream.h"
#include "stream/loop/upstreams.h"

/*
 * What a client says on its own stream, over WebSocket: acknowledgements,
 * pings, the end.
 */

/* Bytes of a message of a client. */
#define PUSH_UPSTREAM_MAX 4096u

typedef enum push_upstream_end_t {
    PUSH_UPSTREAM_OPEN,
    PUSH_UPSTREAM_OWES,  /* likewise; and it is to have a turn */
    PUSH_UPSTREAM_LEFT,  /* its client has closed it */
    PUSH_UPSTREAM_BROKEN /* the connection, or a rule; the client was told */
} push_upstream_end_t;

/* Reads and does all that has come on the stream of this index. */
push_upstream_end_t push_upstream_read(push_upstreams_t *upstreams,
                                       uint32_t index, push_stream_t *stream,
                                       const push_time_t *now);

/*
 * In the stream's turn, after its flush came to status: does what is left to
 * do.  Returns what the turn came to.
 */
push_flush_t push_upstream_settle(push_upstreams_t *upstreams, uint32_t index,
                                  push_stream_t *stream,
                                  const push_time_t *now, push_flush_t status);

#endif
