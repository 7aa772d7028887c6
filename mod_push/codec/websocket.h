#ifndef PUSH_CODEC_WEBSOCKET_H
#define PUSH_CODEC_WEBSOCKET_H

#include "codec/codec.h"

/*
 * Streams over WebSocket (docs/protocol.md, "WebSocket"): a frame a message.
 * They have no batches.
 */

/* The subprotocol of this name: text frames of JSON. */
extern const push_codec_t push_codec_ramen;

/* Without a subprotocol: payloads and nothing else. */
extern const push_codec_t push_codec_bare;

#endif
