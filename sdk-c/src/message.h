/* message.h - a message as the application sees it, made from a block. */
#ifndef PUSHC_MESSAGE_H
#define PUSHC_MESSAGE_H

#include "session.h"

/* One allocation with copies of all strings; base64 is decoded. NULL
 * without memory. Freed with pushc_mem_free(). */
struct pushc_item *pushc_item_create(const struct pushc_mem *mem,
                                     const struct pushc_block *block,
                                     uint64_t seq, const char *mid);

/* Decode base64 (RFC 4648, section 4; padding needed, line feeds skipped)
 * into out, which has room for 3/4 of length; its length, or -1. */
long pushc_base64_decode(const char *text, size_t length, char *out);

/* Encode into out, which has room for 4 * ((length + 2) / 3). */
void pushc_base64_encode(const char *bytes, size_t length, char *out);

#endif
