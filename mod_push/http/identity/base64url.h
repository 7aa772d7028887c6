#ifndef PUSH_BASE64URL_H
#define PUSH_BASE64URL_H

#include <stddef.h>

/*
 * base64url without padding (RFC 4648, section 5).  Ours and not the library's
 * wherever the text comes from outside: that ends the process at some of what
 * is malformed.
 */

/* Bytes decoded; 0: it is no such text, or needs more than room bytes. */
size_t push_base64url_decode(const char *text, size_t len,
                             unsigned char *bytes, size_t room);

/* The text, which the caller frees; NULL: no memory. */
char *push_base64url_encode(const unsigned char *bytes, size_t len);

#endif
