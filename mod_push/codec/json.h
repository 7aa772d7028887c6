#ifndef PUSH_CODEC_JSON_H
#define PUSH_CODEC_JSON_H

#include "codec/codec.h"

/*
 * JSON (RFC 8259), as docs/protocol.md describes a poll's answer: one object a
 * batch.  A payload is the member `data`, as it was published, where it is JSON
 * itself; else `text`, or `base64` where it is no text.
 */
extern const push_codec_t push_codec_json;

#endif
