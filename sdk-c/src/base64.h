/* base64.h - base64 (RFC 4648, section 4). */
#ifndef PUSHC_BASE64_H
#define PUSHC_BASE64_H

#include <stddef.h>

/* Decode into out, which has room for 3/4 of length. Padding is needed, line
 * feeds are skipped. The decoded length, or -1. */
long pushc_base64_decode(const char *text, size_t length, char *out);

/* Encode into out, which has room for 4 * ((length + 2) / 3). */
void pushc_base64_encode(const char *bytes, size_t length, char *out);

#endif
