#ifndef PUSH_UPGRADE_H
#define PUSH_UPGRADE_H

#include "codec/codec.h"
#include "http/problem.h"

/*
 * The opening handshake of WebSocket (RFC 6455, section 4.2), in a handler:
 * what decides about a stream has been asked before it is answered.
 */

/* True if the request wants to become a WebSocket. */
bool push_upgrade_asked(const request_rec *r);

/*
 * Checks the handshake, and chooses the codec by the subprotocols that are
 * offered.  Sets headers of a refusal.
 */
const push_problem_t *push_upgrade_check(request_rec *r,
                                         const push_codec_t **codec);

/*
 * Answers 101 with the headers of the answer, and greets the client, all the
 * way to the socket.  False if the client has left.  Whatever httpd would write
 * behind it, the caller keeps it from that (conn_rec's aborted).
 */
bool push_upgrade_answer(request_rec *r, const push_codec_t *codec);

#endif
