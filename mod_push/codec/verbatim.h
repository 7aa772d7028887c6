#ifndef PUSH_CODEC_VERBATIM_H
#define PUSH_CODEC_VERBATIM_H

#include "codec/codec.h"

/*
 * Payloads as they are, and nothing else: each is a whole answer of HTTP, with
 * its status and its headers, that a publisher has made.
 */
extern const push_codec_t push_codec_verbatim;

#endif
