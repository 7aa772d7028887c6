#ifndef PUSH_CODEC_PROTOBUF_H
#define PUSH_CODEC_PROTOBUF_H

#include "codec/codec.h"

/*
 * Streams over WebSocket with the subprotocol ramen.v3.proto: a ToDevice of
 * docs/ramen_v3.proto in a binary frame.  They have no batches.
 */

extern const push_codec_t push_codec_protobuf;

/* What a stream begins with. */
typedef struct push_welcome_t {
    push_text_t device;
    push_text_t session;
    uint32_t window;      /* messages in flight */
    uint32_t max_message; /* bytes */
    uint32_t retry_ms;
} push_welcome_t;

#define PUSH_WELCOME_MAX 600u /* bytes, of names as they can be */

/* Writes it, without a frame; returns its end. */
char *push_protobuf_welcome(char *at, const push_welcome_t *welcome);

#endif
