#ifndef PUSH_UPGRADE_H
#define PUSH_UPGRADE_H

#include <httpd.h>

#include "codec/codec.h"

/*
 * The answer to a handshake of WebSocket (RFC 6455, section 4.2.2), in a
 * handler: what decides about a stream has been asked before.
 */

/*
 * Answers 101 with the headers of the answer, and greets the client, all the
 * way to the socket.  False if the client has left.  Whatever httpd would write
 * behind it, the caller keeps it from that (conn_rec's aborted).
 */
bool push_upgrade_answer(request_rec *r, const push_codec_t *codec);

#endif
