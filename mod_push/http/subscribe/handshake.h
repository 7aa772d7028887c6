#ifndef PUSH_HANDSHAKE_H
#define PUSH_HANDSHAKE_H

#include "codec/codec.h"
#include "http/problem.h"

/* How a client asks for WebSocket (RFC 6455, section 4.2.1). */

#define PUSH_HANDSHAKE_KEY 24 /* characters of a key: base64 of 16 bytes */

/* True if the request wants to become a WebSocket. */
bool push_handshake_asked(const request_rec *r);

/*
 * Checks the handshake, and chooses the codec by the subprotocols that are
 * offered.  Sets headers of a refusal.
 */
const push_problem_t *push_handshake_check(request_rec *r,
                                           const push_codec_t **codec);

#endif
