#ifndef PUSH_H2_BRIDGE_H
#define PUSH_H2_BRIDGE_H

#include <httpd.h>

#include "stream/loop/reactor.h"

/*
 * Streams over HTTP/2.  A request there has no socket that could be handed
 * over, so the reactor gets one end of a socket pair as if it were the
 * client's, and the worker thread of the request carries bytes from the other
 * end into the output filters for as long as the stream is open.  That thread
 * is the price: streams of this kind are few (PushMaxBlockingStreams).
 */

/* NULL if HTTP/2 may carry streams here, or why not. */
const char *push_h2_bridge_refusal(request_rec *r);

/*
 * Counts one bridge more, until push_h2_bridge_end(): NULL; or says which
 * limit is reached.
 */
const char *push_h2_bridge_begin(request_rec *r);
void push_h2_bridge_end(request_rec *r);

/*
 * Hands the stream to the reactor of the reservation, which is in this child,
 * after the head was flushed, and carries it to its end: blocks until then.
 * The connection of a client that confirms nothing for write_timeout ms ends.
 * False if there is no descriptor; then the caller checks the device out.
 */
bool push_h2_bridge_run(request_rec *r, const push_reservation_t *reservation,
                        const push_adoption_t *adoption, int write_timeout);

#endif
