#ifndef PUSH_SSE_H
#define PUSH_SSE_H

#include "codec/codec.h"

/*
 * Server-Sent Events (WHATWG HTML, "Server-sent events"), as docs/protocol.md
 * describes them.  CR, LF and CRLF in a payload all end a `data:` line; what
 * is no text goes as base64 with the field `enc: base64`.
 */
extern const push_codec_t push_codec_sse;

#endif
